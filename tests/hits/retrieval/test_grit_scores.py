"""Grit: the published value, the definition written out, and what has none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError, ReferenceRowsError

CALL = {"by": "Metadata_Guide", "group": "Metadata_Gene", "reference": {"Metadata_Gene": "control"}}


@pytest.fixture
def guides() -> pd.DataFrame:
    """Return four genes of one to three guides, three wells each, and eight controls."""
    rng = np.random.default_rng(0)
    names = ["a-1", "a-2", "a-3", "b-1", "b-2", "c-1"]
    guide = np.array([*np.repeat(names, 3), *["control"] * 8])
    gene = np.array([name.split("-")[0] for name in guide])
    effect = {"a": rng.normal(size=10) * 2, "b": rng.normal(size=10), "c": rng.normal(size=10), "control": 0}
    x = rng.normal(size=(len(guide), 10)) + np.array([effect[name] * np.ones(10) for name in gene])
    table = pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(10)])
    table.insert(0, "Metadata_Gene", gene)
    table.insert(0, "Metadata_Guide", guide)
    return table


@pytest.mark.parametrize("average", ["mean", "median"])
def test_equals_the_definition(guides: pd.DataFrame, average: str) -> None:
    """Similarities to guides of the gene, standardized by those to controls, averaged."""
    found = cpf.grit(guides, **CALL, average=average).set_index("Metadata_Guide")
    alike = np.corrcoef(guides.filter(like="Cells_"))
    guide, gene = guides["Metadata_Guide"].to_numpy(), guides["Metadata_Gene"].to_numpy()
    for name in ("a-1", "a-2", "a-3", "b-1", "b-2"):
        own = guide == name
        scaler = StandardScaler().fit(alike[np.ix_(own, gene == "control")].reshape(-1, 1))
        group = alike[np.ix_(own, (gene == name[0]) & ~own)].reshape(-1, 1)
        assert found.loc[name, "grit"] == pytest.approx(getattr(np, average)(scaler.transform(group)), rel=1e-9)
        assert found.loc[name, "n_pairs"] == len(group)
    assert np.isnan(found.loc["c-1", "grit"])
    assert found.loc["c-1", "n_pairs"] == 0
    assert (found["n_controls"] == 8).all()


@pytest.mark.real
def test_published_value(real_data: Callable[[str], Path]) -> None:
    """The best compound of a LINCS plate and its grit, from all 454 features, as in the tests of cytominer-eval 0.1."""
    plate = pd.read_csv(
        real_data("cytominer_eval_lincs_plate/SQ00015054_normalized_feature_select.csv.gz"), low_memory=False
    )
    names = [name for name in plate if not name.startswith("Metadata_")]
    plate = plate.rename(columns={name: f"f{i}" for i, name in enumerate(names)})
    found = cpf.grit(
        plate, by="Metadata_broad_sample", group="Metadata_moa", reference={"Metadata_broad_sample": "DMSO"}
    )
    best = found.loc[found["grit"].idxmax()]
    assert best["Metadata_broad_sample"] == "BRD-A94756469-001-04-7"
    assert best["Metadata_moa"] == "ATPase inhibitor"
    assert best["grit"] == pytest.approx(0.9990, abs=5e-5)


def test_without_a_group_or_direction_there_is_none(guides: pd.DataFrame) -> None:
    """A missing group, or profiles of zeros, give no score; dead wells are in the ledger."""
    features = [f"Cells_f{i}" for i in range(10)]
    guides.loc[guides["Metadata_Guide"] == "a-1", "Metadata_Gene"] = None
    guides.loc[guides["Metadata_Guide"] == "b-1", features] = 0.0
    found = cpf.grit(guides, **CALL).set_index("Metadata_Guide")
    assert found.loc[["a-1", "b-1", "b-2"], "grit"].isna().all()
    assert found.loc["a-2", "n_pairs"] == 9
    assert len(cpf.ledger(found)) == 3
    guides.loc[guides["Metadata_Gene"] == "control", features] = np.arange(10.0)
    once = guides[(guides["Metadata_Gene"] == "control") | ~guides["Metadata_Guide"].duplicated()]
    assert cpf.grit(once, **CALL)["grit"].isna().all()  # one well, and controls that are copies: no spread


def test_row_order_changes_nothing(guides: pd.DataFrame) -> None:
    """Shuffled wells give the same scores."""
    shuffled = cpf.grit(guides.sample(frac=1, random_state=0), **CALL)
    pd.testing.assert_frame_equal(shuffled, cpf.grit(guides, **CALL), rtol=1e-12)


def test_bad_input_is_named(guides: pd.DataFrame) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(InputError, match=r"average='mode'"):
        cpf.grit(guides, **CALL, average="mode")
    with pytest.raises(ReferenceRowsError, match=r"1 control wells with a direction; 2 or more"):
        cpf.grit(guides.drop(index=guides.index[-7:]), **CALL)
    guides.loc[0, "Metadata_Gene"] = "b"
    with pytest.raises(ColumnError, match=r"group='Metadata_Gene': \('a-1',\) is in several \('b', 'a'\)"):
        cpf.grit(guides, **CALL)
