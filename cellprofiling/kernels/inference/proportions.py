"""Shares, and how well they are known."""

from scipy.stats import beta


def clopper_pearson(k: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share of which k of n cases were seen (Clopper and Pearson 1934).

    It covers the true share in `level` of all samples or more (doi 10.1093/biomet/26.4.404). (0, 1) for n = 0. Neither
    number need be whole: n dependent cases count as the number of independent ones that tell as much.
    """
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k > 0 else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high
