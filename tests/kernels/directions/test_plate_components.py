"""Components within plates: equal to a decomposition of all wells, each scaled by hand."""

import numpy as np

from cellprofiling.kernels.directions.plate_components import plate_components
from tests import naive
from tests.builders import read_only


def screen() -> tuple[np.ndarray, np.ndarray]:
    """Return three plates far from each other, one of a single well, with a constant, ties and a far well."""
    rng = np.random.default_rng(0)
    plate = np.r_[rng.permutation(np.repeat([0, 1], [40, 30])), 2]
    x = 1e6 + 100 * plate[:, None] + 1e-3 * (rng.normal(size=(71, 1)) + 0.5 * rng.normal(size=(71, 6)))
    x[:, 3] = 1e6
    x[:, 4] = np.where(rng.random(71) < 0.6, 0, rng.normal(size=71))
    x[5] += 1.0
    return read_only(x), read_only(plate)


def slow(x: np.ndarray, plate: np.ndarray, n: int) -> np.ndarray:
    """Scale value by value and decompose all wells at once; a largest entry of each direction is positive."""
    z = np.zeros(x.shape)
    for code in np.unique(plate):
        for j in range(x.shape[1]):
            values = x[plate == code, j]
            spread = 1.4826 * naive.mad(values) or np.std(values)
            if spread > 1e-9:
                z[plate == code, j] = np.clip((values - np.median(values)) / spread, -10, 10)
    axes = np.linalg.svd(z)[2][:n].T
    return z @ axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(n)])


def test_equal_to_a_slow_twin() -> None:
    x, plate = screen()
    np.testing.assert_allclose(plate_components(x, plate), slow(x, plate, 3), rtol=1e-5, atol=1e-5)


def test_names_of_plates_and_rows_change_nothing() -> None:
    x, plate = screen()
    order = np.random.default_rng(1).permutation(len(x))
    np.testing.assert_array_equal(plate_components(x[order], (plate[order] + 1) % 3), plate_components(x, plate)[order])


def test_a_plate_of_one_well_and_few_features() -> None:
    """One well lies at its own median; there are no more components than features."""
    x, plate = screen()
    components = plate_components(x[:, :2], plate)
    assert components.shape == (71, 2)
    np.testing.assert_array_equal(components[plate == 2], 0)
