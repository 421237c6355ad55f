"""Doses as labs write them: with digits that differ last, with units, as logarithms, and missing."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError
from cellprofiling.core.plates import well_names
from tests.builders import NEGCON

DOSE = "Metadata_Dose"
CALL = {"by": "Metadata_Compound", "dose": DOSE, "reference": NEGCON}
DRAWN = {"permutations": 199}


def series(seed: int = 0) -> pd.DataFrame:
    """Return three plates with a compound that acts, two that do not, in five doses each, and controls."""
    rng = np.random.default_rng(seed)
    names = np.repeat(["DMSO", "a", "b", "c"], [12, 5, 5, 5])
    dose = np.r_[np.zeros(12), np.tile([0.01, 0.1, 1.0, 10.0, 100.0], 3)]
    step = np.where(names == "a", np.r_[np.zeros(12), np.tile(np.arange(5), 3)], 0)
    way = rng.normal(size=8)
    plates = []
    for plate in range(3):
        x = pd.DataFrame(rng.normal(size=(27, 8)) + 1.5 * step[:, None] * way).add_prefix("Cells_f")
        metadata = {
            "Metadata_Plate": f"P{plate}",
            "Metadata_Well": well_names(384)[:27],
            "Metadata_Compound": names,
            DOSE: dose,
            "Metadata_Role": np.where(names == "DMSO", "negcon", "treatment"),
        }
        plates.append(pd.DataFrame(metadata).join(x))
    return pd.concat(plates, ignore_index=True)


def reasons(result: pd.DataFrame) -> str:
    lines = cpf.ledger(result)
    return "; ".join(lines.loc[lines["item"] == "dose", "reason"])


def test_doses_that_differ_in_the_last_digits_are_one() -> None:
    wells = series()
    jitter = 1 + 1e-12 * np.random.default_rng(1).normal(size=len(wells))
    other = wells.assign(**{DOSE: wells[DOSE] * jitter})
    columns = ["Metadata_Compound", "n_wells", "p_value", "q_value", "hit"]
    one, again = (cpf.rank_hits(table, **CALL, **DRAWN) for table in (wells, other))
    pd.testing.assert_frame_equal(one[columns], again[columns])
    np.testing.assert_allclose(one[DOSE], again[DOSE], rtol=1e-9)
    assert "equal to a relative 1e-06 with another" in reasons(again)
    assert any("equal to a relative 1e-06" in text for text in again.attrs["sentences"])
    fits = cpf.fit_doses(other, **CALL, **DRAWN, bootstraps=0)
    assert fits["n_doses"].tolist() == [5, 5, 5]
    assert "equal to a relative 1e-06" in reasons(fits)
    assert not reasons(one)


def test_doses_that_differ_by_more_stay_apart_and_are_named() -> None:
    """The variant that must not be merged: a tenth of a percent is another dose until somebody rounds."""
    wells = series()
    jitter = 1 + 1e-3 * np.random.default_rng(1).normal(size=len(wells))
    result = cpf.rank_hits(wells.assign(**{DOSE: wells[DOSE] * jitter}), **CALL, **DRAWN)
    assert result["n_wells"].eq(1).all()
    assert "nearly equal" in reasons(result)


@pytest.mark.parametrize("write", ["{:g} uM", "{:g} µM", "{:g} micromolar", "{:g}uM"])
def test_texts_with_a_unit_are_numbers(write: str) -> None:
    wells = series()
    texts = wells.assign(**{DOSE: wells[DOSE].map(write.format).where(wells["Metadata_Role"] != "negcon", None)})
    pd.testing.assert_frame_equal(cpf.rank_hits(texts, **CALL, **DRAWN), cpf.rank_hits(wells, **CALL, **DRAWN))
    fits = cpf.fit_doses(texts, **CALL, **DRAWN, bootstraps=0)
    pd.testing.assert_frame_equal(fits, cpf.fit_doses(wells, **CALL, **DRAWN, bootstraps=0))
    assert "µM" in reasons(fits)


def test_units_that_differ_are_converted() -> None:
    wells = series()
    nano = wells[DOSE].map(lambda dose: f"{1000 * dose:g} nM" if dose < 1 else f"{dose:g} uM")
    result = cpf.rank_hits(wells.assign(**{DOSE: nano}), **CALL, **DRAWN)
    assert sorted(result[DOSE].unique()) == [0.01, 0.1, 1, 10, 100]
    assert "converted to µM" in reasons(result)


@pytest.mark.parametrize("verb", [cpf.rank_hits, cpf.fit_doses])
@pytest.mark.parametrize(("value", "why"), [("3 mg/ml", "cannot be converted"), ("high", "cannot be read as a number")])
def test_what_cannot_be_one_unit_is_refused(verb, value: str, why: str) -> None:
    texts = series()[DOSE].map("{:g} uM".format)
    texts.iloc[13] = value
    with pytest.raises(ColumnError, match=rf"dose='Metadata_Dose'.*{why}"):
        verb(series().assign(**{DOSE: texts}), **CALL)


def test_logarithms_are_said() -> None:
    wells = series()
    logs = wells.assign(**{DOSE: np.log10(wells[DOSE].replace(0, np.nan))})
    assert "look like logarithms" in reasons(cpf.rank_hits(logs, **CALL, **DRAWN))
    with pytest.raises(ColumnError, match=r"look like logarithms; give 10 \*\* dose"):
        cpf.fit_doses(logs, **CALL)
    remedy = logs.assign(**{DOSE: 10 ** logs[DOSE]})
    assert cpf.fit_doses(remedy, **CALL, **DRAWN, bootstraps=0)["n_doses"].eq(5).all()


def test_a_compound_without_dose_and_controls_without_dose_stop_nobody() -> None:
    wells = series()
    without = wells["Metadata_Compound"].isin(["c", "DMSO"])
    gaps = wells.assign(**{DOSE: wells[DOSE].mask(without)})
    result = cpf.rank_hits(gaps, **CALL, **DRAWN).set_index("Metadata_Compound")
    assert result.loc["c", "n_wells"] == 15
    assert np.isnan(result.loc["c", DOSE])
    assert len(result) == 11
    assert "dose='Metadata_Dose': 15 treated wells without a dose" in result.attrs["sentences"]
    fits = cpf.fit_doses(gaps, **CALL, **DRAWN, bootstraps=0)
    assert fits["Metadata_Compound"].tolist() == ["a", "b"]
    assert "15 treated wells without a dose" in reasons(fits)
    pairs = cpf.titration_similarity(gaps, **CALL)
    assert pairs[["Metadata_Compound_a", "Metadata_Compound_b"]].values.tolist() == [["a", "b"]]
    with pytest.raises(ColumnError, match="dose='Metadata_Dose': no treated well has a dose"):
        cpf.fit_doses(wells.assign(**{DOSE: np.nan}), **CALL)
