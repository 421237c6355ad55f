"""The share of replicates that agree."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from tests.builders import NEGCON, noise_screen
from tests.chance import allowed


def shares(wells: pd.DataFrame, **options: object) -> dict[str, float]:
    found = cpf.percent_replicating(wells, by="Metadata_Compound", **options)
    return dict(zip(found["meaning"], found["share"], strict=True))


def test_pairs_written_out() -> None:
    """The share of replicate pairs beyond the quantile of all other pairs."""
    wells = noise_screen(0, n_controls=2, effect=0.5)
    wells = wells[wells["Metadata_Role"] != "negcon"]
    c = np.corrcoef(wells.filter(like="Cells_").to_numpy())
    same = wells["Metadata_Compound"].to_numpy()[:, None] == wells["Metadata_Compound"].to_numpy()
    upper = np.triu(np.ones(c.shape, dtype=bool), 1)
    expected = (c[upper & same] > np.quantile(c[upper & ~same], 0.9)).mean()
    assert shares(wells, quantile=0.9)["pairs"] == pytest.approx(expected)


def test_noise_and_effect() -> None:
    """Noise replicates as often as the quantile says; strong effects always do."""
    noise = pd.concat([noise_screen(seed, n_compounds=100).query(f"not ({NEGCON})") for seed in range(1)])
    assert shares(noise, plate="Metadata_Plate")["perturbations"] <= allowed(100)[1]
    strong = noise_screen(0, effect=3.0).query(f"not ({NEGCON})")
    found = shares(strong[strong["Metadata_Compound"] < "c010"])
    assert found["perturbations"] == 1.0
    assert found["pairs"] > 0.9


def test_order_changes_nothing() -> None:
    """Shuffled rows and renamed compounds give the same table."""
    wells = noise_screen(0, effect=0.5)
    other = wells.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(*(cpf.percent_replicating(w, by="Metadata_Compound") for w in (wells, other)))


def test_dead_wells_are_named() -> None:
    """A constant profile correlates with nothing, and is left out."""
    wells = noise_screen(0, n_compounds=4)
    wells.loc[0, [name for name in wells if name.startswith("Cells_")]] = 2.0
    found = cpf.percent_replicating(wells, by="Metadata_Compound")
    assert cpf.ledger(found)["name"].tolist() == ["0"]


def test_bad_input_is_named() -> None:
    """Each mistake has its sentence."""
    wells = noise_screen(0, n_plates=1, n_controls=2)
    with pytest.raises(InputError, match=r"quantile=5: not a number between 0 and 1"):
        shares(wells, quantile=5)
    with pytest.raises(InputError, match=r"no two wells are replicates on different plates"):
        shares(wells, plate="Metadata_Plate")
