"""How far a covariance is drawn to a multiple of I, so that it errs least."""


def ledoit_wolf_share(trace: float, squares: float, fourth: float, n: int, n_features: int) -> float:
    """Return the share of the target that makes the expected squared error smallest, between 0 and 1.

    Parameters
    ----------
    trace : of the covariance S = X'X / n of centered rows.
    squares : sum of the squared entries of S, which is that of its squared eigenvalues.
    fourth : sum over rows of the fourth power of their length.
    n, n_features : of X.

    References
    ----------
    Ledoit and Wolf (2004), J. Multivar. Anal. 88, 365, https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    mean = trace / n_features
    distance = squares - n_features * mean**2  # from S to the target
    error = fourth / n**2 - squares / n  # of S
    return float(min(max(error, 0.0), distance) / distance) if distance > 0 else 1.0
