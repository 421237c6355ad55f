"""How far chance may carry the share of small p-values where nothing happens: the bounds of asserts on calibration.

A bound that was read off one machine fails on the next, where sums are rounded otherwise and some p-values fall on the
other side of 0.05. Here bounds follow from the binomial: where the truth holds, an assert fails by chance with
probability `ERROR`, all two hundred of the suite together with 1 in 5,000.

Tests that share wells come out together. By Kish, n of them, m from each screen, tell as much as n / `alike`
independent ones, with alike = 1 + (m - 1) r, and r the correlation of being small of two p-values of one screen.
"""

from scipy.stats import binom, kstwo

ERROR = 1e-6


def allowed(n: int, level: float = 0.05, alike: float = 1.0) -> tuple[float, float]:
    """Return the smallest and largest share of n p-values up to `level` that chance explains."""
    independent = max(1, int(n / alike))
    low, high = binom.ppf(ERROR / 2, independent, level), binom.isf(ERROR / 2, independent, level)
    return float(low) / independent, float(high) / independent


def allowed_distance(n: int, alike: float = 1.0) -> float:
    """Return the largest distance of the distribution of n p-values from the uniform one that chance explains."""
    return float(kstwo.isf(ERROR, max(1, int(n / alike))))


def sharing(m: int, controls: float, own: float = 1.0) -> float:
    """Return `alike` for m tests of one screen, each of `own` wells a plate against the same `controls` wells.

    Two differences from one mean of controls correlate by rho = own / (own + controls). Whether a p-value is small
    depends on the size of the difference and not on its sign; functions that are even correlate by rho squared at most,
    because the term of first order of their Hermite series is missing. The spread of the controls is shared as well:
    counts of 100 screens of each of six designs varied 1.0 to 1.3 times as much as those of independent tests would.
    """
    return 1.2 * (1 + (m - 1) * (own / (own + controls)) ** 2)
