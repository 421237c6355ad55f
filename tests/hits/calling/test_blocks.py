"""Blocks of features tested one by one and put together."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError
from cellprofiling.hits.calling.blocks import label
from tests.builders import NEGCON, noise_screen

CALL = {"by": "Metadata_Compound", "reference": NEGCON, "permutations": 999}
PARTS = {"level": slice(0, 10), "spread": slice(10, 20), "dependence": slice(20, 30)}


def fingerprints(seed: int = 0, effect: float = 6.0, **design: object) -> pd.DataFrame:
    """Return a screen of noise with the columns of a fingerprint; compounds 0, 1, 2 change in one block each."""
    wells = noise_screen(seed, n_controls=40, n_compounds=6, normalized=False, **design)
    old = [name for name in wells if not name.startswith("Metadata_")]
    endings = ["__level"] * 10 + ["__spread"] * 10
    new = [name + end for name, end in zip(old, endings, strict=False)]
    new += [f"Dependence_PC{i:02d}_PC{i:02d}" for i in range(1, 11)]
    wells = wells.rename(columns=dict(zip(old, new, strict=True)))
    for i, part in enumerate(PARTS.values()):
        changed = wells["Metadata_Compound"] == f"c{i:03d}"
        wells.loc[changed, new[part]] += effect * np.random.default_rng(i).normal(size=10)
    return wells


def test_each_block_is_tested_by_itself() -> None:
    """p-values of blocks are those of tables that hold nothing else, and the smallest is taken three times."""
    wells = fingerprints()
    found = cpf.activity(wells, **CALL, blocks=True)
    names = [name for name in wells if not name.startswith("Metadata_")]
    for block, part in PARTS.items():
        alone = cpf.activity(wells.drop(columns=[n for n in names if n not in names[part]]), **CALL)
        np.testing.assert_array_equal(found[f"p_{block}"], alone["p_value"])
        np.testing.assert_array_equal(found[f"statistic_{block}"], alone["statistic"])
    three = found[["p_level", "p_spread", "p_dependence"]]
    np.testing.assert_allclose(found["p_value"], np.minimum(1, 3 * three.min(axis=1)))
    np.testing.assert_allclose(found["p_floor"], 3 * alone["p_floor"])
    assert found["null_scheme"].str.endswith("Bonferroni's combination of blocks").all()
    assert found.columns[0] == "Metadata_Compound"


def test_labels_say_which_block_speaks() -> None:
    """Planted in one block each; nothing planted, nothing said."""
    found = cpf.activity(fingerprints(), **CALL, blocks=True)
    assert found["block"].tolist()[:3] == [
        "average change",
        "more or less variable",
        "different relation between features, or a subset of cells",
    ]
    assert (found["q_value"] <= 0.05).tolist() == [True] * 3 + [False] * 3
    assert label({"level": 0.01, "spread": 0.5, "dependence": 0.016}) == (
        "average change; different relation between features, or a subset of cells"
    )
    assert label({"level": 0.02, "spread": 0.5, "dependence": np.nan}) == ""
    assert label({"nuclei": 0.02, "spread": 0.5}) == "change of nuclei"


def test_blocks_of_your_own_and_cauchy() -> None:
    """Any features make a block; two blocks cost a factor of two; the Cauchy combination agrees where one speaks."""
    wells = fingerprints()
    names = [name for name in wells if not name.startswith("Metadata_")]
    two = cpf.activity(wells, **CALL, blocks={"first": names[:10], "rest": names[10:]})
    np.testing.assert_allclose(two["p_value"], np.minimum(1, 2 * two[["p_first", "p_rest"]].min(axis=1)))
    assert two["block"].iloc[0] == "change of first"
    least, cauchy = (cpf.activity(wells, **CALL, blocks=True, combine=name) for name in ("min", "cauchy"))
    np.testing.assert_allclose(cauchy["p_value"][:3], least["p_value"][:3], rtol=0.2)
    assert cauchy["null_scheme"].str.endswith("Cauchy combination of blocks").all()


def test_a_table_with_some_blocks_is_tested_by_those() -> None:
    """Level alone: one block, and nothing to pay for."""
    wells = fingerprints()
    level = wells.drop(columns=[name for name in wells if "__spread" in name or "Dependence" in name])
    found = cpf.activity(level, **CALL, blocks=True)
    np.testing.assert_array_equal(found["p_value"], found["p_level"])


def test_what_cannot_be() -> None:
    """No block among the columns, unknown features, an unknown combination."""
    wells = fingerprints()
    with pytest.raises(FeatureError, match="blocks=True: no column ends with '__level'"):
        cpf.activity(noise_screen(n_compounds=2), **CALL, blocks=True)
    with pytest.raises(FeatureError, match="none of them empty"):
        cpf.activity(wells, **CALL, blocks={"nothing": []})
    with pytest.raises(ColumnError, match="blocks='x': no such column"):
        cpf.activity(wells, **CALL, blocks={"a": ["x"]})
    with pytest.raises(InputError, match="combine='fisher': choose one of"):
        cpf.activity(wells, **CALL, blocks=True, combine="fisher")


def test_one_well_has_no_p_value() -> None:
    """Missing in each block and together; the others are tested."""
    wells = fingerprints()
    only = wells.index[wells["Metadata_Compound"] == "c005"][1:]
    found = cpf.activity(wells.drop(index=only), **CALL, blocks=True)
    assert found["p_value"].isna().tolist() == [False] * 5 + [True]
    assert found["q_value"].isna().tolist() == [False] * 5 + [True]
    assert found["block"].iloc[5] == ""


def test_the_hit_list_says_what_changed() -> None:
    """The label opens the reason, top features are ones that mean something, and controls are audited by blocks."""
    hits = cpf.rank_hits(fingerprints(), **CALL, blocks=True).set_index("Metadata_Compound")
    assert hits.loc["c002", "reason"].startswith("different relation between features, or a subset of cells: q = ")
    assert hits.loc["c000", "reason"].startswith("average change: q = ")
    assert hits.loc["c004", "reason"].startswith(("q = ", "near miss"))
    assert not hits["top_features"].str.contains("Dependence").any()
    assert {"block", "p_level", "p_spread", "p_dependence"} <= set(hits)
    assert hits.attrs["parameters"]["blocks"] is True
    assert hits.attrs["audit"][1]["n"] > 100


def test_the_audit_combines_blocks() -> None:
    """With one block three times, Bonferroni's combination can only reject less than the block alone."""
    wells = fingerprints(effect=0.0)
    names = [name for name in wells if name.endswith("__level")]
    alone, thrice = (
        cpf.audit_controls(wells, reference=NEGCON, permutations=199, blocks=blocks)["rejected"].sum()
        for blocks in ({"a": names}, {"a": names, "b": names, "c": names})
    )
    assert thrice < alone


def test_position_is_matched_block_by_block() -> None:
    """Each block against controls at one position, the smallest times three."""
    wells = fingerprints(n_plates=4, fixed_layout=True)
    hits = cpf.rank_hits(wells, **CALL, blocks=True)
    n = hits.attrs["audit"][0]["n"]
    np.testing.assert_allclose(hits["position_p_floor"], 3 / (n + 1))
    assert hits.set_index("Metadata_Compound").loc["c000", "position_p"] <= 6 / (n + 1)
    assert hits["position_p"].max() > 0.2
