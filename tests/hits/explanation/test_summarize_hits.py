"""One row per perturbation: changes, similar compounds, cells and the next test."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError

ASKED = {"by": ["Metadata_Compound", "Metadata_Dose"], "reference": "Metadata_Compound == 'DMSO'"}
SHIFTS = {"a": [8, 0], "b": [8, 0], "c": [-8, 8], "d": [0, 0]}


def wells(seed: int = 0) -> pd.DataFrame:
    """Return a and b with larger nuclei, c with smaller, dense ones and a third of the cells, d with nothing."""
    rng = np.random.default_rng(seed)
    rows = []
    for plate in range(3):
        rows += [(f"P{plate}", f"A{i + 1:02d}", "DMSO", 0.0, 100, *rng.normal(size=2)) for i in range(16)]
        for i, (compound, shift) in enumerate(SHIFTS.items()):
            for dose in (1.0, 2.0):
                place = f"B{(2 * i + int(dose) + 3 * plate) % 24 + 1:02d}"
                count = 33 if compound == "c" else 100
                rows.append((f"P{plate}", place, compound, dose, count, *(rng.normal(size=2) + shift)))
    names = ["Metadata_Plate", "Metadata_Well", *ASKED["by"], "Metadata_Object_Count"]
    return pd.DataFrame(rows, columns=[*names, "Nuclei_AreaShape_Area", "Nuclei_Intensity_MeanIntensity_DNA"])


def test_summary_of_each_compound() -> None:
    table = wells()
    told = cpf.summarize_hits(cpf.explain(table, control_fit="as_given", **ASKED), table, **ASKED)
    told = told.set_index(ASKED["by"])
    row = told.loc[("a", 1.0)]
    assert row["changes"] == "enlarges the nuclei"
    assert row["similar_to"].startswith("b ")
    assert ", a" not in row["similar_to"]
    assert "cell cycle" in row["next_test"]
    assert row["cell_count_remark"] == "cell count 100% of controls"
    assert row["sentence"].startswith("a 1 (3 wells, 3 plates) changes 1 of 2 groups of features: enlarges the nuclei.")
    toxic = told.loc[("c", 2.0)]
    assert toxic["cell_count_ratio"] == pytest.approx(0.33)
    assert toxic["next_test"].startswith("compare it with compounds that leave as few cells")
    assert "apoptosis" in toxic["next_test"]
    assert toxic["n_changed"] == 2
    nothing = told.loc[("d", 1.0)]
    assert nothing["n_changed"] == 0
    assert nothing["similar_to"] == ""
    assert nothing["next_test"].startswith("nothing to follow up")


def test_order_of_the_explanation_does_not_matter_and_counts_may_be_missing() -> None:
    table = wells()
    found = cpf.explain(table, **ASKED)
    told = cpf.summarize_hits(found, table, **ASKED)
    pd.testing.assert_frame_equal(cpf.summarize_hits(found.sample(frac=1, random_state=1), table, **ASKED), told)
    without = cpf.summarize_hits(found, table.drop(columns="Metadata_Object_Count"), **ASKED)
    assert (without["cell_count_remark"] == "").all()
    assert not without["sentence"].str.contains("Cell count").any()


def test_wrong_input_is_named() -> None:
    table = wells()
    found = cpf.explain(table, **ASKED)
    with pytest.raises(InputError, match=r"explained: 14 rows of 7 perturbations, and profiles hold 8 \('a 1' in one"):
        cpf.summarize_hits(found.iloc[2:], table, **ASKED)
    with pytest.raises(InputError, match=r"explained: 15 rows of 8 perturbations.*none in one only"):
        cpf.summarize_hits(found.iloc[1:], table, **ASKED)
    with pytest.raises(InputError, match=r"top=0: not a whole number of at least 1"):
        cpf.summarize_hits(found, table, top=0, **ASKED)
    with pytest.raises(InputError, match=r"alike=-2: not a finite number of at least -1"):
        cpf.summarize_hits(found, table, alike=-2, **ASKED)
