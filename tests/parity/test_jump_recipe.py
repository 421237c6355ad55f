"""The JUMP presets against the inputs and outputs that broadinstitute/jump-profiling-recipe (d2512d9) is tested with.

What cannot be equal, and why: ties are broken at random there; the recipe computes in float32; its Harmony is another
one. So ranks may differ by two, and what comes after Harmony is compared by correlation.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

import cellprofiling as cpf
from cellprofiling.core.errors import InputError

pytestmark = pytest.mark.real

FOLDER = "jump_cell_counts_and_fixtures"
KEYS = ["Metadata_Source", "Metadata_Plate", "Metadata_Well"]
FEATURES = [f"Cells_AreaShape_Zernike_5_{i}" for i in (1, 3, 5)]
CONTROLS = [
    *("JCP2022_800001", "JCP2022_800002", "JCP2022_033924"),
    *("JCP2022_915128", "JCP2022_915129", "JCP2022_915130", "JCP2022_915131"),
]
ROLES = {"reference": {"Metadata_JCP2022": CONTROLS}, "by": "Metadata_JCP2022"}


@pytest.fixture
def fixture(real_data):
    def read(sources, case, output):
        folder = real_data(FOLDER) / "fixtures"
        files = [file for source in sources for file in sorted(folder.glob(f"inputs/profiles/{source}/**/*.parquet"))]
        wells = pd.concat([pd.read_parquet(file) for file in files if "metadata" not in file.parts])
        published = pd.read_parquet(folder / "outputs" / case / f"profiles_{output}.parquet")
        for frame in (wells, published):
            frame[KEYS] = frame[KEYS].astype(str)
        published["Metadata_JCP2022"] = published["Metadata_JCP2022"].astype(str)
        return published[[*KEYS, "Metadata_JCP2022"]].merge(wells, on=KEYS, validate="1:1"), published

    return read


@pytest.mark.parametrize(
    ("sources", "case", "controls"),
    [
        (["source_5"], "compound_trimmed_public", True),
        (["source_5", "source_4", "source_13"], "pipeline_1_trimmed_public", True),
        (["source_5", "source_molglue"], "compound_new_data_public", False),
    ],
)
def test_compounds_up_to_selection(fixture, sources, case, controls):
    wells, published = fixture(sources, case, "var_mad_int_featselect")
    steps = cpf.preset("jump_compound")[:-1]
    if not controls:  # this run of the recipe was normalized to all wells
        steps[1]["select_features"]["reference"] = steps[2]["normalize"]["reference"] = None
    found = cpf.run_steps(wells, steps, **ROLES)
    assert found[KEYS].equals(published[KEYS])
    for name in FEATURES:
        assert np.abs(rankdata(found[name]) - rankdata(published[name])).max() <= 2
        np.testing.assert_allclose(found[name], published[name], atol=0.03)  # two ranks, at the ends
        assert np.abs(found[name] - published[name]).quantile(0.9) < 0.004  # one rank, in the middle


def test_orfs_up_to_selection(fixture, real_data):
    wells, published = fixture(["source_4"], "orf_trimmed_public", "wellpos_cc_var_mad_outlier_featselect")
    found = cpf.run_steps(with_counts(wells, real_data, "orf"), cpf.preset("jump_orf")[:-2], **ROLES)
    np.testing.assert_allclose(found[FEATURES], published[FEATURES], atol=2e-4)  # the recipe's float32
    assert set(published.filter(like="Cells")) - set(found) == {"Cells_Count_Count"}  # a count is no feature here


def test_guides_up_to_selection(fixture, real_data):
    wells, published = fixture(["source_13"], "crispr_trimmed_public", "wellpos_cc_var_mad_outlier_featselect")
    found = cpf.run_steps(with_counts(wells, real_data, "crispr"), cpf.preset("jump_crispr")[:-3], **ROLES)
    both = (wells.groupby("Metadata_Well")["Metadata_Plate"].transform("size") == 2).to_numpy()
    assert (~both).sum() == 2  # the recipe makes a well without a counterpart 0; here its plate mean stays
    difference = np.abs(found.loc[both, FEATURES].to_numpy() - published.loc[both, FEATURES].to_numpy())
    assert difference.max() < 0.2  # these two wells move medians and the slope on the count a little
    for name in FEATURES:
        assert np.corrcoef(found.loc[both, name], published.loc[both, name])[0, 1] > 0.9999


def test_compounds_to_the_end(fixture):
    wells, published = fixture(["source_5"], "compound_trimmed_public", "var_mad_int_featselect_harmony")
    found = cpf.run_steps(wells, "jump_compound", batch="Metadata_Plate", **ROLES)
    for i, name in enumerate(FEATURES, 1):
        assert np.corrcoef(found[name], published[f"X_{i}"])[0, 1] > 0.98


def test_batches_without_a_common_compound_are_refused(fixture):
    """The recipe runs Harmony over compounds, ORFs and guides at once, though nothing links their plates."""
    wells, _ = fixture(["source_5", "source_4", "source_13"], "pipeline_1_trimmed_public", "var_mad_int_featselect")
    with pytest.raises(InputError, match=r"steps, 6 \(correct_batch\): .* 2 sets of batches without"):
        cpf.run_steps(wells, "jump_compound", batch="Metadata_Plate", **ROLES)


def with_counts(wells, real_data, kind):
    counts = pd.read_csv(real_data(FOLDER) / f"{kind}_cell_counts.csv.gz", dtype={"Metadata_Plate": str})
    counts = counts.rename(columns={"Metadata_Count_Cells": "Metadata_Object_Count"})
    return wells.merge(counts[[*KEYS[1:], "Metadata_Object_Count"]], on=KEYS[1:], how="left", validate="1:1")
