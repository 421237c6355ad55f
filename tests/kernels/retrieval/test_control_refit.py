"""What was fitted on controls, fitted anew from inner products: equal to fitting it anew from the profiles."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from cellprofiling.kernels.retrieval.control_refit import Blocks, assemble
from cellprofiling.kernels.retrieval.energy import Distances, energy_distances
from cellprofiling.kernels.retrieval.retrieval import mean_average_precisions
from cellprofiling.kernels.retrieval.separation import mean_distances, median_similarities

N_TREATED, N_CONTROL = np.array([2, 1, 2]), np.array([6, 5, 7])
OMEGA, RIDGE = 0.06, 0.4


class Naive:
    """The same wells as profiles; origin and metric are worked out from scratch for each assignment."""

    def __init__(self, seed: int, *, omega: float) -> None:
        rng = np.random.default_rng(seed)
        self.sizes = N_TREATED + N_CONTROL
        self.starts = np.r_[0, np.cumsum(self.sizes)]
        self.block = np.repeat(np.arange(3), self.sizes)
        raw = rng.normal(size=(self.sizes.sum(), 4)) @ rng.normal(size=(4, 4)) + rng.normal(size=(3, 4))[self.block]
        self.treated = np.concatenate([np.arange(s, s + n) for s, n in zip(self.starts, N_TREATED, strict=False)])
        self.is_base = ~np.isin(np.arange(len(raw)), self.treated)
        for b in range(3):
            raw[self.block == b] -= raw[(self.block == b) & self.is_base].mean(axis=0)
        self.raw, self.omega = raw, omega
        values, vectors = np.linalg.eigh(self.metric(self.treated) if omega else np.eye(4))
        self.x = raw @ vectors / np.sqrt(values)  # coordinates in which the metric of the base controls is I
        new = N_TREATED if omega else None
        self.blocks = Blocks.of(self.x @ self.x.T, self.sizes, N_TREATED, new, omega)

    def controls(self, chosen: np.ndarray, b: int) -> np.ndarray:
        return np.flatnonzero((self.block == b) & ~np.isin(np.arange(len(self.raw)), chosen))

    def metric(self, chosen: np.ndarray) -> np.ndarray:
        scatter = np.zeros((4, 4))
        for b in range(3):
            own = self.raw[self.controls(chosen, b)]
            scatter += (own - own.mean(axis=0)).T @ (own - own.mean(axis=0))
        return self.omega * scatter + RIDGE * np.eye(4)

    def centered(self, chosen: np.ndarray) -> np.ndarray:
        """Return the profiles about the control means of this assignment, in its metric."""
        y = np.array(self.raw)
        for b in range(3):
            y[self.block == b] -= self.raw[self.controls(chosen, b)].mean(axis=0)
        return y @ np.linalg.cholesky(np.linalg.inv(self.metric(chosen))) if self.omega else y

    def assignments(self, n: int = 20) -> np.ndarray:
        rng = np.random.default_rng(5)
        drawn = [
            np.concatenate(
                [
                    s + np.sort(rng.permutation(k)[:m])
                    for s, k, m in zip(self.starts, self.sizes, N_TREATED, strict=False)
                ]
            )
            for _ in range(n)
        ]
        return np.array([self.treated, *drawn])


@pytest.fixture(params=[0.0, OMEGA], ids=["plain", "whitened"])
def naive(request: pytest.FixtureRequest) -> Naive:
    """Give wells whose metric does not depend on controls, and wells whose metric does."""
    return Naive(1, omega=request.param)


def cosines(y: np.ndarray) -> np.ndarray:
    unit = y / np.linalg.norm(y, axis=1, keepdims=True)
    return unit @ unit.T


def test_mean_average_precision(naive: Naive) -> None:
    """Equal to scikit-learn's average precision on profiles that were refitted from scratch."""
    expected = []
    for chosen in naive.assignments():
        c = cosines(naive.centered(chosen))
        scores = []
        for q in chosen:
            others, beside = chosen[chosen != q], naive.controls(chosen, naive.block[q])
            truth = np.r_[np.ones(len(others)), np.zeros(len(beside))]
            scores.append(average_precision_score(truth, c[q, np.r_[others, beside]]))
        expected.append(np.mean(scores))
    found = mean_average_precisions(naive.blocks, naive.assignments(), refit=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_values_of_no_interest_stay_below(naive: Naive) -> None:
    """A threshold changes no value that reaches it, and lets none that does not get there."""
    exact = mean_average_precisions(naive.blocks, naive.assignments(), refit=True)
    least = float(np.median(exact))
    cut = mean_average_precisions(naive.blocks, naive.assignments(), least, refit=True)
    np.testing.assert_array_equal(cut >= least, exact >= least)
    np.testing.assert_array_equal(cut[exact >= least], exact[exact >= least])


def test_mean_distance(naive: Naive) -> None:
    """The length of the mean difference, in the metric of each assignment."""
    expected = [np.linalg.norm(naive.centered(chosen)[chosen].mean(axis=0)) for chosen in naive.assignments()]
    np.testing.assert_allclose(mean_distances(naive.blocks, naive.assignments(), refit=True), expected, atol=1e-10)


def test_median_similarity(naive: Naive) -> None:
    """The median cosine of pairs on different plates."""
    expected = []
    for chosen in naive.assignments():
        c, block = cosines(naive.centered(chosen)[chosen]), naive.block[chosen]
        expected.append(np.median(c[np.triu(block[:, None] != block, 1)]))
    found = median_similarities(naive.blocks, naive.assignments(), refit=True)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("bandwidth", [0.0, 1.5])
def test_energy_distance(naive: Naive, bandwidth: float) -> None:
    """Pairs written out; in a metric of controls, the term among controls is that of the base controls."""

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        d = np.linalg.norm(a - b)
        return d if bandwidth == 0 else -np.exp(-(d**2) / (2 * bandwidth**2))

    expected = []
    for chosen in naive.assignments():
        y = naive.centered(chosen)
        treated = np.mean([apart(y[i], y[k]) for i in chosen for k in chosen if i != k])
        to_controls = np.mean(
            [np.mean([apart(y[i], y[k]) for k in naive.controls(chosen, naive.block[i])]) for i in chosen]
        )
        among = []
        for b in naive.block[chosen]:
            own, z = (naive.controls(naive.treated, b), naive.x) if naive.omega else (naive.controls(chosen, b), y)
            among.append(np.mean([apart(z[i], z[k]) for i in own for k in own if i != k]))
        expected.append(2 * to_controls - treated - np.mean(among))
    distances = Distances.of(naive.blocks, bandwidth)
    np.testing.assert_allclose(energy_distances(distances, naive.assignments(), refit=True), expected, atol=1e-10)


def test_a_well_that_is_all_there_is_in_a_direction() -> None:
    """Without it nothing is known there: the statistic is large, not infinite and not a warning."""
    gram = np.eye(5)
    blocks = Blocks.of(gram, np.array([5]), np.array([2]), np.array([0]), omega=0.75)
    found = mean_distances(blocks, np.array([[0, 1], [2, 3]]), refit=True)
    assert np.isfinite(found).all()


def test_assemble() -> None:
    """Treated wells come before controls, plate by plate."""
    naive = Naive(3, omega=0.0)
    t, c = naive.x[~naive.is_base], naive.x[naive.is_base]
    np.testing.assert_array_equal(assemble(c @ c.T, t @ t.T, t @ c.T, N_TREATED, N_CONTROL).shape, (23, 23))
    np.testing.assert_allclose(assemble(c @ c.T, t @ t.T, t @ c.T, N_TREATED, N_CONTROL), naive.blocks.gram, atol=1e-12)
