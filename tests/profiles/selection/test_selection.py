"""Feature selection."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprofiling as cpf
from cellprofiling.core.errors import FeatureError, FileFormatError, InputError
from cellprofiling.profiles.selection.filters import STEPS
from cellprofiling.profiles.selection.selection import DEFAULT_STEPS


@pytest.fixture
def wells():
    rng = np.random.default_rng(0)
    common = rng.normal(size=120)
    gaps = common + 0.01 * rng.normal(size=120)
    gaps[:24] = np.nan
    return pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Cells_a": common,
            "Cells_b": -common + 0.1 * rng.normal(size=120),
            "Cells_c": rng.normal(size=120).astype(np.float64),
            "Cells_flat": 1.0,
            "Cells_gaps": gaps,
            "Cells_wild": np.where(np.arange(120) < 4, 1e17, common),
            "Metadata_Role": np.repeat(["negcon", "treatment"], 60),
        }
    )


def test_by_default_all_steps_run_and_the_one_that_chooses_among_features_runs_last():
    assert set(STEPS) - set(DEFAULT_STEPS) == {"low_variation", "noise", "reproducibility", "keep"}  # need to be told
    assert DEFAULT_STEPS[-1] == "correlation"


def test_what_is_left_is_complete_varies_and_is_not_redundant(wells):
    selected = cpf.select_features(wells)
    assert list(selected.filter(like="Cells")) in (["Cells_a", "Cells_c"], ["Cells_b", "Cells_c"])
    assert list(selected.filter(like="Metadata")) == ["Metadata_Plate", "Metadata_Role"]


def test_a_feature_that_is_dropped_anyway_takes_none_with_it():
    """Trap: with correlation first, `gaps` may stand for `a` and then fall for its missing values."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=100)
    gaps = a + 0.2 * rng.normal(size=100)
    gaps[:20] = np.nan
    frame = pd.DataFrame({"Cells_a": a, "Cells_gaps": gaps, "Cells_b": a + 0.2 * rng.normal(size=100)})
    assert cpf.select_features(frame).filter(like="Cells").shape[1] == 1
    safe = cpf.explain_selection(frame)
    assert not safe.query("step == 'correlation'")["feature"].eq("Cells_gaps").any()


def test_each_dropped_feature_has_one_ledger_line_with_the_value(wells):
    selected = cpf.select_features(wells)
    lines = cpf.ledger(selected).set_index("name")
    assert set(lines.index) == set(wells.filter(like="Cells")) - set(selected)
    assert lines.index.is_unique
    assert lines.loc["Cells_gaps", "reason"] == "missing: missing in 20.0% of rows"
    assert lines.loc["Cells_flat", "reason"] == "variance: variance 0"
    assert lines.loc["Cells_wild", "reason"] == "outliers: beyond 500 in 3.3% of rows"
    redundant = lines[lines["reason"].str.startswith("correlation: |r| = 0.99")]
    assert redundant.index.isin(["Cells_a", "Cells_b"]).all()
    assert len(redundant) == 1


def test_explanation_and_selection_agree(wells):
    explained = cpf.explain_selection(wells)
    assert list(explained.columns) == ["feature", "step", "value", "kept", "reason"]
    kept = explained.groupby("feature")["kept"].all()
    assert set(kept.index[kept]) == set(cpf.select_features(wells).filter(like="Cells"))
    last_step = explained.groupby("feature")["step"].last()
    assert last_step["Cells_gaps"] == "missing"  # a dropped feature reaches no further step
    assert explained["step"].drop_duplicates().tolist() == list(DEFAULT_STEPS)


@pytest.mark.parametrize(
    "steps",
    [
        ["missing", {"outliers": {"cutoff": 10}}],
        {"missing": {}, "outliers": {"cutoff": 10}},
        {"missing": None, "outliers": {"cutoff": 10}},
        ({"missing": {"cutoff": 0.05}, "outliers": {"cutoff": 10}},),
    ],
)
def test_steps_can_be_written_in_several_ways(wells, steps):
    assert set(wells) - set(cpf.select_features(wells, steps)) == {"Cells_gaps", "Cells_wild"}


def test_one_step_can_be_a_word(wells):
    assert set(wells) - set(cpf.select_features(wells, "missing")) == {"Cells_gaps"}


def test_features_are_judged_by_the_reference_rows(wells):
    assert "Cells_wild" in cpf.select_features(wells, "outliers", reference="Metadata_Role == 'treatment'")
    assert "Cells_wild" not in cpf.select_features(wells, "outliers", reference="Metadata_Role == 'negcon'")


def test_only_named_features_are_judged(wells):
    selected = cpf.select_features(wells, features=["Cells_a", "Cells_flat"])
    assert set(wells) - set(selected) == {"Cells_flat"}


def test_values_rows_dtype_and_input_stay(wells):
    single = wells.astype(dict.fromkeys(wells.filter(like="Cells"), np.float32)).iloc[::-1]
    before = single.copy(deep=True)
    selected = cpf.select_features(single, "missing")
    pd.testing.assert_frame_equal(single, before)
    features = list(selected.filter(like="Cells"))
    pd.testing.assert_frame_equal(selected[features], single[features])


def test_nothing_left_names_the_step_that_took_the_last(wells):
    message = r"steps: 'variance' dropped the last of 1 features \('Cells_flat': variance 0\); loosen"
    with pytest.raises(FeatureError, match=message):
        cpf.select_features(wells, features=["Cells_flat"])
    explained = cpf.explain_selection(wells, features=["Cells_flat"])  # still explains
    assert explained["step"].tolist() == ["missing", "blocklist", "variance"]


def test_what_does_not_exist_is_named(wells):
    with pytest.raises(
        InputError, match=r"steps='variance_threshold': choose one of 'missing', 'blocklist', 'variance'"
    ):
        cpf.select_features(wells, ["missing", "variance_threshold"])
    with pytest.raises(InputError, match=r"cutof=0\.5: not an option of 'missing'; its options are 'cutoff'\. Did you"):
        cpf.select_features(wells, {"missing": {"cutof": 0.5}})
    with pytest.raises(
        InputError, match=r"steps=\{'missing': 0\.5\}: write the options by name, such as .*'cutoff': 0\.05"
    ):
        cpf.select_features(wells, {"missing": 0.5})
    with pytest.raises(InputError, match=r"steps=\[\]: no step"):
        cpf.select_features(wells, [])


ALL_STEPS = [
    *DEFAULT_STEPS[:-1],
    {"low_variation": {"cutoff": 1e-9}},
    {"noise": {"by": "Metadata_Role", "cutoff": 5}},
    {"reproducibility": {"by": "Metadata_Role", "cutoff": 0}},
    {"correlation": {"cutoff": 0.5}},
]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_neither_the_order_of_rows_nor_that_of_columns_changes_a_verdict(seed):
    rng = np.random.default_rng(seed)
    x = 5 + rng.normal(size=(24, 4)) @ rng.normal(size=(4, 14)) + 0.5 * rng.normal(size=(24, 14))
    x[:, 3], x[:, 4], x[2, 5] = x[:, 2], -x[:, 2], np.nan
    wells = pd.DataFrame(x, columns=[f"Cells_{c}" for c in "abcdefghijklmn"])
    wells = wells.assign(Metadata_Plate=["P1", "P2"] * 12, Metadata_Role=np.repeat(list("uvwxyz"), 4))
    shuffled = wells.sample(frac=1, random_state=seed).sample(frac=1, axis=1, random_state=seed)
    explained = cpf.explain_selection(wells, ALL_STEPS).sort_values(["step", "feature"])
    again = cpf.explain_selection(shuffled, ALL_STEPS).sort_values(["step", "feature"])
    pd.testing.assert_frame_equal(explained.reset_index(drop=True), again.reset_index(drop=True), check_exact=True)


def test_the_number_of_threads_does_not_change_a_verdict():
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 20)) @ rng.normal(size=(20, 300)) + rng.normal(size=(400, 300))
    wells = pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(300)])
    kept = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            kept.append(cpf.fit_selection(wells, {"correlation": {"cutoff": 0.6}}).kept)
    assert kept[0] == kept[1] == kept[2]
    assert len(kept[0]) < 300


def test_verdicts_are_told_in_the_order_of_the_columns(wells):
    explained = cpf.explain_selection(wells.iloc[:, ::-1], "missing")
    assert explained["feature"].tolist() == list(wells.iloc[:, ::-1].filter(like="Cells"))


def test_a_saved_selection_keeps_the_same_features_elsewhere(wells, tmp_path):
    selection = cpf.fit_selection(wells)
    assert cpf.select_features(wells).columns.tolist() == selection.apply(wells).columns.tolist()
    again = cpf.load_fit(selection.save(tmp_path / "selection.json"))
    assert again == selection
    april = wells.iloc[::-1, ::-1].assign(Cells_new=1.0).drop(columns="Cells_flat")
    found = again.apply(april)
    assert set(found.filter(like="Cells")) == set(selection.kept)
    lines = cpf.ledger(found).set_index("name")["reason"]
    assert lines["Cells_new"] == "unknown to the selection"
    assert lines["Cells_gaps"] == "missing: missing in 20.0% of rows"


def test_a_selection_among_named_features_leaves_the_others_alone(wells):
    selection = cpf.fit_selection(wells, "variance", features=["Cells_a", "Cells_flat"])
    assert set(wells) - set(selection.apply(wells.assign(Cells_new=1.0))) == {"Cells_flat"}


def test_a_table_without_a_kept_feature_is_refused(wells, tmp_path):
    selection = cpf.fit_selection(wells, ["missing"])
    message = r"profiles: 2 of the 5 features that were kept are not in this table: 'Cells_a', 'Cells_c'\."
    with pytest.raises(FeatureError, match=message):
        selection.apply(wells.drop(columns=["Cells_a", "Cells_c"]))
    (tmp_path / "other.json").write_text('{"kind": "else"}')
    with pytest.raises(FileFormatError, match="not a file written by"):
        cpf.load_fit(tmp_path / "other.json")


def test_the_kept_list_can_be_a_file_with_a_name_per_line(wells, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("Cells_c\nCells_a\n\n")
    assert cpf.select_features(wells, {"keep": {"features": names}}).filter(like="Cells").columns.tolist() == [
        "Cells_a",
        "Cells_c",
    ]
    selection = cpf.fit_selection(wells, {"keep": {"features": names}})
    assert cpf.load_fit(selection.save(tmp_path / "selection.json")) == selection
