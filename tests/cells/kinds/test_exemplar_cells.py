"""Exemplars: cells that respond, typical ones, of several wells, with all that says which cell it is."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import cellprofiling as cpf
from cellprofiling.core.errors import InputError

DMSO = "Metadata_Compound == 'DMSO'"
BY = "Metadata_Compound"
KEY = ["Metadata_Plate", "Metadata_Well", "Metadata_ImageNumber", "Metadata_ObjectNumber"]


@pytest.fixture(scope="module")
def made():
    return cpf.simulate_screen("hetero", compounds=16, controls=10, cells_per_well=60, features=60, plates=3)


def test_most_changed_exemplars_respond_and_controls_are_of_control_wells(made):
    files = made.cells.assign(Image_FileName_DNA="a.tif", Image_URL_DNA="file:///a.tif")
    found = cpf.exemplars(files, by=BY, reference="Metadata_Role == 'negcon'", platemap=made.platemap, k=4)
    assert {"Image_FileName_DNA", "Image_URL_DNA", "Metadata_Site", "Nuclei_Location_Center_X"} <= set(found)
    assert list(found)[:6] == [BY, "role", "rank", "Metadata_Plate", "Metadata_Well", "score"]
    truth = pd.concat([made.cells[KEY], made.truth.cells], axis=1)
    shown = found.merge(truth, on=KEY).merge(made.truth.compounds[[BY, "fraction"]])
    changed = shown[(shown["role"] == "changed") & (shown["fraction"] >= 0.25)]
    assert changed["responder"].mean() >= 0.9
    wells = found[["Metadata_Plate", "Metadata_Well", "role", BY]].merge(
        made.platemap, on=["Metadata_Plate", "Metadata_Well"], suffixes=("", "_of_well")
    )
    is_control = wells["role"] == "control"
    assert (wells.loc[is_control, "Metadata_Role"] == "negcon").all()
    assert (wells.loc[~is_control, BY] == wells.loc[~is_control, f"{BY}_of_well"]).all()
    counts = found.groupby([BY, "role"]).size()
    assert counts.max() == 4
    assert (counts.xs("control", level="role") == 4).all()
    assert found.loc[is_control.to_numpy(), "score"].abs().max() < 0.5


def test_shuffled_rows_give_the_same_cells(made):
    options = {"by": BY, "reference": "Metadata_Role == 'negcon'", "platemap": made.platemap, "k": 2}
    expected = cpf.exemplars(made.cells, **options)
    assert_frame_equal(cpf.exemplars(made.cells.sample(frac=1, random_state=0), **options), expected)


def test_a_lone_well_has_exemplars_too(made):
    compound = made.truth.compounds.query("fraction == 1 and type == 'active'")[BY].iloc[0]
    keep = (made.platemap["Metadata_Plate"] == "Plate01") & made.platemap[BY].isin(["DMSO", compound])
    wells = made.platemap[keep]
    cells = made.cells.merge(wells[["Metadata_Plate", "Metadata_Well"]])
    found = cpf.exemplars(cells, by=BY, reference="Metadata_Role == 'negcon'", platemap=wells, k=3)
    assert found["role"].value_counts().to_dict() == {"changed": 3, "control": 3}
    assert found.query("role == 'changed'")["score"].min() > 1


def test_errors(made):
    with pytest.raises(InputError, match="k=0: not a whole number of at least 1"):
        cpf.exemplars(made.cells, by=BY, reference=DMSO, k=0, platemap=made.platemap)


@pytest.mark.slow
def test_precision_on_simulated_screens():
    """Four in five at least respond where a tenth or more of the cells does, at effects of 2 and 1 SD."""
    for seed in (0, 1):
        for effect in (None, 1.0):
            made = cpf.simulate_screen("hetero", seed=seed, effect=effect)
            found = cpf.exemplars(made.cells, by=BY, reference="Metadata_Role == 'negcon'", platemap=made.platemap)
            truth = pd.concat([made.cells[KEY], made.truth.cells], axis=1)
            shown = found[found["role"] == "changed"].merge(truth, on=KEY)
            shown = shown.merge(made.truth.compounds[[BY, "type", "fraction"]]).query("type == 'active'")
            precision = shown.groupby("fraction")["responder"].mean()
            assert precision.loc[[0.1, 0.25, 0.5, 1.0]].min() >= 0.8
            if effect is None:
                assert precision.loc[0.05] >= 0.8
            assert np.isfinite(shown["score"]).all()
