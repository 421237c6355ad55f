"""Simulated control cells look like real ones: correlations, spectrum, shapes and tails.

Bands: what 125 and 109 cells of two JUMP Cell Painting sites (BR00121431, BR00116991) show, over all features and over
the columns that the simulator has, widened by what a well of 117 simulated cells varies by. The last test measures the
two sites themselves.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cellprofiling.simulate.catalog import COMPARTMENTS
from cellprofiling.simulate.panel import panel
from cellprofiling.simulate.screen import simulate_screen

#                                 lowest  highest   the two sites: all features | the columns of the simulator
BANDS = {
    "median |rho|": (0.16, 0.26),  # 0.19 0.25 | 0.17 0.22
    "q90 |rho|": (0.50, 0.67),  # 0.58 0.64 | 0.63 0.66
    "|rho| > 0.5": (0.11, 0.21),  # 0.15 0.20 | 0.15 0.19
    "partner |rho| > 0.9": (0.69, 0.89),  # 0.88 0.88 | 0.70 0.72
    "participation ratio": (6.5, 11.0),  # 9.3 7.0 | 8.7 7.0
    "PCs for 50 %": (3, 5),  # 4 3 | 4 3
    "PCs for 80 %": (12, 25),  # 20 19 | 15 12
    "PCs for 90 %": (22, 51),  # 44 41 | 27 22
    "PC 1": (0.22, 0.36),  # 0.26 0.35 | 0.27 0.31
    "PC 2": (0.09, 0.19),  # 0.17 0.11 | 0.17 0.17
    "PC 3": (0.05, 0.10),  # 0.05 0.06 | 0.06 0.07
    "median skewness": (0.40, 1.00),  # 0.72 0.62 | 0.78 0.51
    "q10 skewness": (-2.0, -0.3),  # -0.98 -0.86 | -0.34 -0.78
    "q90 skewness": (1.9, 3.7),  # 3.6 2.6 | 2.7 2.2
    "median kurtosis": (0.7, 5.0),  # 1.8 1.2 | 0.9 0.7
    "q90 kurtosis": (8.0, 29.0),  # 21 10 | 13 8
    "|z| > 5": (0.005, 0.014),  # 0.011 0.010 | 0.006 0.009
    "|z| > 10": (0.0007, 0.005),  # 0.003 0.002 | 0.002 0.003
    "|rho| within compartment and group": (0.35, 0.65),  # 0.43 0.48 | 0.60 0.63
    "|rho| between": (0.20, 0.28),  # 0.21 0.27 | 0.22 0.27
}


def statistics(x: pd.DataFrame) -> dict[str, float]:
    """Return the statistics of a table of cells, slowly and plainly."""
    rho = pd.DataFrame(stats.rankdata(x, axis=0)).corr().to_numpy()
    pairs = np.triu_indices(len(rho), k=1)
    strength = np.abs(rho[pairs])
    shares = np.sort(np.linalg.eigvalsh(rho))[::-1] / len(rho)
    z = (x - x.median()) / (1.4826 * (x - x.median()).abs().median())
    skewness, kurtosis = stats.skew(x), stats.kurtosis(x)
    part = np.array(["_".join(name.split("_")[:2]) for name in x])
    same = (part[:, None] == part)[pairs]
    return {
        "median |rho|": np.median(strength),
        "q90 |rho|": np.quantile(strength, 0.9),
        "|rho| > 0.5": np.mean(strength > 0.5),
        "partner |rho| > 0.9": np.mean(np.abs(rho - np.eye(len(rho))).max(axis=1) > 0.9),
        "participation ratio": 1 / np.sum(shares**2),
        **{f"PCs for {goal} %": 1 + np.sum(np.cumsum(shares) < goal / 100) for goal in (50, 80, 90)},
        **{f"PC {i + 1}": shares[i] for i in range(3)},
        "median skewness": np.median(skewness),
        "q10 skewness": np.quantile(skewness, 0.1),
        "q90 skewness": np.quantile(skewness, 0.9),
        "median kurtosis": np.median(kurtosis),
        "q90 kurtosis": np.quantile(kurtosis, 0.9),
        "|z| > 5": np.mean(np.abs(z) > 5),
        "|z| > 10": np.mean(np.abs(z) > 10),
        "|rho| within compartment and group": strength[same].mean(),
        "|rho| between": strength[~same].mean(),
    }


def a_control_well(seed: int) -> pd.DataFrame:
    """Return the cells of the first control well of a screen, about 117."""
    screen = simulate_screen("null", seed=seed, plates=1, compounds=1, controls=3)
    well = screen.truth.wells.query("true_compound == 'DMSO'")["Metadata_Well"].iloc[0]
    return screen.cells.loc[screen.cells["Metadata_Well"] == well, list(panel(230).names)].astype(float)


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    return pd.DataFrame([statistics(a_control_well(seed)) for seed in range(16)])


@pytest.mark.parametrize("name", BANDS)
def test_control_cells_lie_in_the_band_of_real_cells(measured, name):
    low, high = BANDS[name]
    assert low <= measured[name].mean() <= high


@pytest.mark.real
@pytest.mark.parametrize(
    "sites",
    [
        ["pycytominer_collate/BR00121431-A01-1", "pycytominer_collate/BR00121431-A02-1"],
        ["cytotable/cellprofiler/cpg0043_BR00116991-A01-1"],
    ],
)
def test_the_bands_hold_the_same_columns_of_real_cells(real_data, sites):
    cells = pd.concat([real_site(real_data, site) for site in sites], ignore_index=True)
    found = statistics(cells)
    outside = {name: found[name] for name, (low, high) in BANDS.items() if not low <= found[name] <= high}
    assert not outside


def real_site(real_data, site: str) -> pd.DataFrame:
    """Return the columns that the simulator has too, for all cells of a site."""
    tables = [
        pd.read_csv(real_data(f"cellprofiler_formats/{site}/{compartment}.csv.gz")).add_prefix(f"{compartment}_")
        for compartment in COMPARTMENTS
    ]
    return pd.concat(tables, axis=1)[list(panel(230).names)]


def test_batch_plate_and_well_have_the_variance_shares_of_bbbc021():
    """Well means of controls: 0.30 between batches, 0.16 between plates of a batch, 0.51 between wells of a plate."""
    shares = np.mean([variance_shares(seed) for seed in range(6)], axis=0)
    np.testing.assert_allclose(shares, [0.30, 0.16, 0.51], atol=0.08)


def variance_shares(seed: int, n_batches: int = 4, n_plates: int = 16) -> np.ndarray:
    """Return nested variance components, averaged over features, as shares."""
    screen = simulate_screen(
        "null", seed=seed, plates=n_plates, batches=n_batches, compounds=1, controls=9, cells_per_well=120, features=100
    )
    x = screen.cells.iloc[:, 7:].groupby([screen.cells["Metadata_Plate"], screen.cells["Metadata_Well"]]).mean()
    plates, batch = x.groupby(level=0).mean(), np.arange(n_plates) % n_batches
    well = x.groupby(level=0).var().mean()
    between_plates = plates.groupby(batch).var().mean()
    plate = (between_plates - well / 10).clip(lower=0)
    between = (plates.groupby(batch).mean().var() - between_plates / (n_plates / n_batches)).clip(lower=0)
    total = well + plate + between
    return np.array([(part / total).mean() for part in (between, plate, well)])
