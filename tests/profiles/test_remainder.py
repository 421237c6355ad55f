"""A verb that changes measurements returns no unchanged ones beside them; labels and metadata stay."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from tests.builders import NEGCON, wells

PLATE = "Metadata_Plate"
COUNT = "Metadata_Object_Count"

VERBS: dict[str, Callable[..., pd.DataFrame]] = {
    "normalize": lambda table, **more: cpf.normalize(table, reference=NEGCON, **more),
    "fit_normalization": lambda table, **more: cpf.fit_normalization(table, reference=NEGCON, **more).apply(table),
    "whiten": lambda table, **more: cpf.whiten(table, reference=NEGCON, **more),
    "regress_out": lambda table, **more: cpf.regress_out(table, COUNT, reference=NEGCON, **more),
    "correct_position": lambda table, **more: cpf.correct_position(table, "loess", **more),
    "combat": lambda table, **more: cpf.correct_batch(table, "combat", batch=PLATE, **more),
    "harmony": lambda table, **more: cpf.correct_batch(table, "harmony", batch=PLATE, **more),
    "fit_batch_correction": lambda table, **more: cpf.fit_batch_correction(table, "combat", batch=PLATE, **more).apply(
        table
    ),
    "run_steps": lambda table, **more: cpf.run_steps(table, [{"normalize": {}}], **more),
    "principal_components": lambda table, **more: cpf.run_steps(table, ["principal_components"], **more),
}


@pytest.fixture
def mixed() -> pd.DataFrame:
    """Six measurements, a position, a numbering, a time and a label that is no metadata."""
    table = wells(n_controls=20, n_compounds=20, n_features=6)
    rng = np.random.default_rng(3)
    return table.assign(
        Cells_Location_Center_X=rng.normal(size=len(table)),
        Cells_Number_Object_Number=np.arange(len(table)) + 7,
        time_h=24.0,
        donor="D1",
    )


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_unchanged_stands_beside_what_is_changed(mixed: pd.DataFrame, verb: str) -> None:
    """Numbers are changed or named in the ledger; must fail if a position or another feature is returned as it was."""
    measured = [name for name in mixed if str(name).startswith("Cells_Texture")]
    before = mixed.copy()
    for features, left in ((measured, 2), (measured[:4], 4)):
        result = VERBS[verb](mixed, features=features)
        beside = set(mixed.columns) - set(measured)
        assert beside - set(result.columns) == {"Cells_Location_Center_X", "Cells_Number_Object_Number"}
        assert not set(measured[len(features) :]) & set(result.columns)
        told = cpf.ledger(result).query("item == 'column' and reason.str.startswith('left out')", engine="python")
        assert told["n"].tolist() == [left]
        pd.testing.assert_frame_equal(result[["time_h", "donor"]], before[["time_h", "donor"]])
    pd.testing.assert_frame_equal(mixed, before)


def test_what_a_step_is_told_of_stays(mixed: pd.DataFrame) -> None:
    """A number that says what a row is compared with is no measurement, whatever it is called."""
    named = {"features": [name for name in mixed if str(name).startswith("Cells_Texture")]}
    halves = mixed.assign(Cells_Parent_Nuclei=np.tile([1, 2], len(mixed) // 2))
    assert "Cells_Parent_Nuclei" in cpf.normalize(halves, by="Cells_Parent_Nuclei", **named)
    assert "Cells_Parent_Nuclei" not in cpf.normalize(halves, **named)
    assert "Cells_Location_Center_X" in cpf.regress_out(mixed, "Cells_Location_Center_X", **named)
    few = {"Cells_Number_Object_Number": list(range(7, 27)) + list(range(70, 80))}
    assert "Cells_Number_Object_Number" in cpf.normalize(mixed, reference=few, **named)


def test_features_of_a_pipeline_stay_named_through_all_steps(mixed: pd.DataFrame) -> None:
    """A position that is named as a feature is one in every step, and dropped by none for its name."""
    chosen = ["Cells_Location_Center_X", "Cells_Texture_Contrast_DNA_1_00_256"]
    steps = [{"normalize": {"by": "@plate"}}, {"select_features": {"steps": ["missing"]}}, "principal_components"]
    done = cpf.run_steps(mixed, steps[:2], features=chosen)
    assert [name for name in done if str(name).startswith("Cells_")] == chosen
    pd.testing.assert_frame_equal(done[chosen], cpf.normalize(mixed, features=chosen)[chosen])
    assert {"PC1", "PC2"} <= set(cpf.run_steps(mixed, steps, features=chosen))
