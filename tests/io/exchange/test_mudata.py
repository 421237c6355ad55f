"""Several tables and MuData objects: what goes in comes out, modality by modality.

mudata needs anndata, which asks for pandas 2 on Python 3.11: the tests with the package itself are skipped where it is
not installed; those with a stand-in run everywhere.
"""

import contextlib
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError, KeyMatchError

pytestmark = pytest.mark.filterwarnings("ignore:.*infer_string")

REASON = "mudata is not installed: it needs anndata, which on Python 3.11 does not go with pandas 3"


class AnnDataStandIn(SimpleNamespace):
    """What an AnnData object is to this package."""

    def __init__(self, X, obs, var) -> None:
        super().__init__(X=X, obs=obs, var=var, obs_names=obs.index, var_names=var.index, layers={}, uns={})


class MuDataStandIn(SimpleNamespace):
    """What a MuData object is to this package."""

    def __init__(self, mod) -> None:
        super().__init__(mod=mod, uns={}, obsm={}, obsp={}, obs=pd.DataFrame(index=range(4)))


@pytest.fixture(params=["mudata", "stand-in"])
def mudata(request, monkeypatch):
    """Give the package, or a stand-in."""
    if request.param == "mudata":
        return pytest.importorskip("mudata", reason=REASON)
    module = SimpleNamespace(MuData=MuDataStandIn, set_options=lambda **_: contextlib.nullcontext())
    monkeypatch.setitem(sys.modules, "anndata", SimpleNamespace(AnnData=AnnDataStandIn))
    monkeypatch.setitem(sys.modules, "mudata", module)
    return module


def tables() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    names = pd.DataFrame({"Metadata_Compound": [*"abcd"], "Metadata_Dose": [1.0, 2, 1, 2]})
    x = pd.DataFrame(rng.normal(size=(4, 2)).astype(np.float32), columns=["Cells_AreaShape_Area", "Cells_odd"])
    y = pd.DataFrame(rng.normal(size=(3, 3)), columns=["ACTB", "TP53", "MYC"])
    return {"morphology": pd.concat([names, x], axis=1), "rna": pd.concat([names.iloc[:3], y], axis=1)}


def test_there_and_back(mudata):
    given = tables()
    mdata = cpf.to_mudata(given, on=["Metadata_Compound", "Metadata_Dose"])
    assert list(mdata.mod) == ["morphology", "rna"]
    assert list(mdata.mod["rna"].obs_names) == ["a | 1.0", "b | 2.0", "c | 1.0"]
    back = cpf.from_mudata(mdata)
    for name, table in given.items():
        assert_frame_equal(back[name], table)
        assert not len(cpf.ledger(back[name]))


def test_of_other_programs_names_are_kept_and_what_is_left_out_is_said(mudata):
    mdata = cpf.to_mudata(tables(), on="Metadata_Compound")
    mdata.uns = {"seed": 1}
    mdata.obsm["X_mofa"] = np.zeros((4, 2))
    mdata.obs["batch"] = [*"xxyy"]
    back = cpf.from_mudata(mdata)
    assert back["rna"]["Metadata_ObsName"].tolist() == [*"abc"]
    told = cpf.ledger(back["rna"])
    assert told["name"].tolist() == ["obsm", "uns", "obs"]
    assert set(told["reason"]) == {"left out: it belongs to all modalities together"}


def test_what_cannot_be_put_together_is_said(mudata):
    given = tables()
    with pytest.raises(KeyMatchError, match=r"tables\['morphology'\]: rows '1.0', '2.0' occur more than once"):
        cpf.to_mudata(given, on="Metadata_Dose")
    with pytest.raises(InputError, match="on=None: not the name of a column or a list of names"):
        cpf.to_mudata(given, on=None)
    with pytest.raises(ColumnError, match="Metadata_Gene"):
        cpf.to_mudata(given, on="Metadata_Gene")
    with pytest.raises(InputError, match="tables: expected a name and a table for each modality"):
        cpf.to_mudata(given["rna"], on="Metadata_Compound")


def test_what_is_no_mudata_object():
    with pytest.raises(InputError, match=r"mdata: expected a mudata.MuData, got DataFrame"):
        cpf.from_mudata(pd.DataFrame())


def test_without_the_package_what_to_install_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "mudata", None)
    with pytest.raises(InputError, match=r"needs the package mudata: pip install 'cellprofiling\[mudata\]'"):
        cpf.to_mudata(tables(), on="Metadata_Compound")
