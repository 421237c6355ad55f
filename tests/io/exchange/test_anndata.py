"""Tables and AnnData objects share one matrix, and metadata never come into X.

The package anndata asks for pandas 2 on Python 3.11, so that it cannot be installed beside pandas 3 there: the tests
that need it run with pandas 2.2 (`make test-pandas2`) and wherever it is. Those with a stand-in run everywhere.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy import sparse

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError

# anndata 0.13.4 asks pandas for an option that pandas 3 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:.*infer_string")

REASON = "anndata is not installed: on Python 3.11 it does not go with pandas 3"
FEATURES = ["Cells_AreaShape_Area", "Cells_Intensity_MeanIntensity_DNA", "Cells_odd"]


class StandIn(SimpleNamespace):
    """What an AnnData object is to this package."""

    def __init__(self, X, obs, var) -> None:
        super().__init__(X=X, obs=obs, var=var, obs_names=obs.index, var_names=var.index, layers={}, uns={})


@pytest.fixture(params=["anndata", "stand-in"])
def anndata(request, monkeypatch):
    """Give the package, or a stand-in."""
    if request.param == "anndata":
        return pytest.importorskip("anndata", reason=REASON)
    module = SimpleNamespace(AnnData=StandIn)
    monkeypatch.setitem(sys.modules, "anndata", module)
    return module


def profiles(dtype: type = np.float32) -> pd.DataFrame:
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    x[1, 1] = np.nan
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": ["00123", "00123", "P2", "P2"],
            "Metadata_Well": ["A01", "A02", "A01", "A02"],
            "Metadata_Gene": ["NA", None, "b", "b"],
            "Metadata_Dose": [1.5, np.nan, 3, 4],
            "Metadata_Object_Count": [10, 20, 30, 40],
            "Location_Center_X": [0.5, 1, 1.5, 2],
            "Parent_Cells": [1, 2, 3, 4],
        }
    )
    return pd.concat([metadata, pd.DataFrame(x, columns=FEATURES)], axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back(anndata, dtype):
    adata = cpf.to_anndata(profiles(dtype))
    assert list(adata.var_names) == FEATURES
    assert list(adata.obs) == [name for name in profiles() if name not in FEATURES]
    assert list(adata.obs_names) == ["0", "1", "2", "3"]
    assert adata.X.dtype == dtype
    assert adata.var["group"].tolist()[:2] == ["AreaShape", "Intensity"]
    assert adata.var["channel"].isna().tolist() == [True, False, True]
    assert adata.var["kind"].tolist() == ["morphology", "morphology", "unknown"]
    assert_frame_equal(cpf.from_anndata(adata), profiles(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_x_is_shared_both_ways(anndata, dtype):
    table = profiles(dtype)
    adata = cpf.to_anndata(table)
    back = cpf.from_anndata(adata)
    assert all(np.shares_memory(adata.X, frame[name].to_numpy()) for frame in (table, back) for name in FEATURES)
    with pytest.raises(ValueError, match="read-only"):
        adata.X[0, 0] = 5


def test_features_that_do_not_lie_together_or_are_of_several_types_are_copied(anndata):
    table = profiles()[["Cells_odd", "Metadata_Well", "Cells_AreaShape_Area"]].assign(
        Cells_AreaShape_Extent=[1, 2, 3, 4]
    )
    adata = cpf.to_anndata(table)
    assert adata.X.dtype == np.float64
    assert list(adata.var_names) == ["Cells_odd", "Cells_AreaShape_Area", "Cells_AreaShape_Extent"]
    assert np.array_equal(adata.X, table[list(adata.var_names)].to_numpy(np.float64), equal_nan=True)


def test_obs_names_are_the_index(anndata):
    table = profiles().set_axis(list("abcd"))
    adata = cpf.to_anndata(table)
    assert list(adata.obs_names) == list("abcd")
    assert cpf.from_anndata(adata)["Metadata_ObsName"].tolist() == list("abcd")
    assert list(cpf.to_anndata(profiles().set_axis([0, 0, 1, 1])).obs_names) == list("0123")


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_obs_of_other_programs_are_metadata(anndata, kind):
    obs = pd.DataFrame(
        {
            "plate": [1001, 1001, 1002],
            "well": pd.Categorical(["A01", "A02", "A01"]),
            "n_genes": [5.0, 6.0, 7.0],
            "treatment": pd.Categorical(["x", None, "y"]),
            "centroid_x": [1.0, 2.0, 3.0],
        },
        index=["0", "1", "2"],
    )
    x = np.array([[1, 0, 7], [0, 2, 7], [3, 0, 7]], dtype=np.float32)
    var = pd.DataFrame(index=["Cells_AreaShape_Area", "Cells_odd", "Metadata_Batch"])
    table = cpf.from_anndata(anndata.AnnData(X=kind(x), obs=obs, var=var))
    assert table["Metadata_Plate"].tolist() == ["1001", "1001", "1002"]
    assert table["Metadata_Well"].tolist() == ["A01", "A02", "A01"]
    assert table["Metadata_Treatment"].isna().tolist() == [False, True, False]
    assert not isinstance(table["Metadata_Treatment"].dtype, pd.CategoricalDtype)
    assert table["Metadata_N_genes"].tolist() == [5, 6, 7]
    assert table["centroid_x"].tolist() == [1, 2, 3]
    assert table["Metadata_Batch"].tolist() == [7, 7, 7]
    assert table[["Cells_AreaShape_Area", "Cells_odd"]].to_numpy().tolist() == [[1, 0], [0, 2], [3, 0]]
    assert list(table)[-2:] == ["Cells_AreaShape_Area", "Cells_odd"]
    assert list(cpf.normalize(table, "standardize", by=None).columns)[-2:] == ["Cells_AreaShape_Area", "Cells_odd"]


def test_columns_in_obs_and_in_x_count_once(anndata):
    adata = cpf.to_anndata(profiles())
    adata.obs["Cells_odd"] = 1
    adata.obs = adata.obs.rename(columns={"Cells_odd": "Location_Center_Y"})
    adata.var.index = ["Location_Center_Y", *FEATURES[1:]]
    adata.var_names = adata.var.index
    table = cpf.from_anndata(adata)
    assert table["Location_Center_Y"].tolist() == [1] * 4
    assert cpf.ledger(table)["reason"].tolist() == ["left out of X: obs holds a column of this name"]


def test_integers_become_floats_and_parts_left_out_are_in_the_ledger(anndata):
    adata = cpf.to_anndata(profiles())
    adata.X = np.arange(12).reshape(4, 3)
    adata.layers["raw counts"] = np.zeros((4, 3))
    table = cpf.from_anndata(adata)
    assert table["Cells_odd"].dtype == np.float64
    assert cpf.ledger(table)[["name", "reason"]].to_numpy().tolist() == [
        ["layers", "left out: only X and obs are kept"]
    ]


def test_very_many_metadata_are_put_together_without_a_warning(anndata):
    table = pd.concat(
        [pd.DataFrame({f"Metadata_{i}": [1, 2] for i in range(150)}), profiles()[FEATURES].iloc[:2]], axis=1
    )
    assert_frame_equal(cpf.from_anndata(cpf.to_anndata(table)), table)


def test_what_is_no_anndata_object():
    with pytest.raises(InputError, match=r"adata"):
        cpf.from_anndata(pd.DataFrame())
    obs, var = pd.DataFrame(index=["0"]), pd.DataFrame(index=["a"])
    with pytest.raises(FeatureError, match="adata: has no X; choose a layer first"):
        cpf.from_anndata(StandIn(None, obs, var))
    with pytest.raises(FeatureError, match="adata: X holds values of type <U1, not numbers"):
        cpf.from_anndata(StandIn(np.array([["x"]]), obs, var))
    with pytest.raises(ColumnError, match="columns 'a' occur more than once"):
        cpf.from_anndata(StandIn(np.ones((1, 2)), obs, pd.DataFrame(index=["a", "a"])))


def test_a_table_without_features_or_with_doubled_columns(anndata):
    with pytest.raises(FeatureError, match="no feature columns"):
        cpf.to_anndata(profiles()[["Metadata_Plate"]])
    with pytest.raises(ColumnError, match="occur more than once"):
        cpf.to_anndata(profiles()[["Cells_odd", "Cells_odd"]])


def test_without_the_package_what_to_install_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(InputError, match=r"needs the package anndata: pip install 'cellprofiling\[anndata\]'"):
        cpf.to_anndata(profiles())


def test_files_go_both_ways(tmp_path):
    """What anndata reads of a file written here, and what is read here of one that anndata wrote."""
    anndata = pytest.importorskip("anndata", reason=REASON)
    table = profiles()
    adata = anndata.read_h5ad(cpf.write_profiles(table, tmp_path / "ours.h5ad"))
    assert_frame_equal(cpf.from_anndata(adata), table)
    assert adata.var["group"].tolist()[:2] == ["AreaShape", "Intensity"]
    cpf.to_anndata(table).write_h5ad(tmp_path / "theirs.h5ad")
    assert_frame_equal(cpf.read_profiles(tmp_path / "theirs.h5ad"), table)
