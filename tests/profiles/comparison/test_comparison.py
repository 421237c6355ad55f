"""The comparison of corrections: what it says of screens whose truth is known, and what its table holds."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, KeyMatchError, ReferenceRowsError
from cellprofiling.profiles.comparison.safety import hold_out
from cellprofiling.profiles.comparison.scores import samples
from cellprofiling.profiles.comparison.screen import find_screen, look, view
from cellprofiling.profiles.comparison.trials import halves
from cellprofiling.simulate.faults.batch_screen import simulate_batches
from tests.builders import NEGCON

BATCH, COMPOUND = "Metadata_Batch", "Metadata_Compound"
DESIGN = {"batch": BATCH, "by": COMPOUND, "reference": NEGCON}
ANCHORED = [
    {"correct_batch": {"method": "combat", "batch": "@batch", "anchors": "reference", "reference": "@reference"}}
]


def combat(profiles):
    """Correct by all wells, whatever batches hold."""
    return cpf.correct_batch(profiles, "combat", **DESIGN, allow_confounded=True)


def shift(profiles):
    """Center batches on their controls."""
    return cpf.correct_batch(profiles, "linear", batch=BATCH, anchors="reference", reference=NEGCON)


@pytest.fixture(scope="module")
def small():
    return simulate_batches("balanced", compounds=40, features=30, controls=16).wells


@pytest.fixture(scope="module")
def table(small):
    return cpf.compare_corrections(small, {"shift": shift, "anchored": ANCHORED}, **DESIGN, label="Metadata_Mechanism")


def read(wells, label=None):
    parts = look(wells, None)
    screen = find_screen(wells, parts, **DESIGN, plate="Metadata_Plate", well="Metadata_Well", label=label)
    return screen, view(parts, screen)


def value(table, candidate, metric, column="value"):
    found = table[(table["candidate"] == candidate) & (table["metric"] == metric)]
    assert len(found) == 1
    return found[column].iloc[0]


def verdict(table, candidate):
    return table.attrs["recommendation"]["candidates"][candidate]["verdict"]


def test_on_a_balanced_screen_the_recommended_correction_beats_none_on_other_perturbations():
    wells = simulate_batches("balanced").wells
    found = cpf.compare_corrections(wells, **DESIGN)
    record = found.attrs["recommendation"]
    assert record["chosen"] != "none"
    assert verdict(found, record["chosen"]) == "recommended"
    assert record["primary"] == "cross_batch_map"
    assert record["difference"][1] > 0.05
    assert value(found, record["chosen"], "cross_batch_map", "difference_low") == record["difference"][1]
    assert record["sentence"].startswith(f"Correct with {record['chosen']}: it is safe")
    assert list(dict.fromkeys(found["candidate"])) == [
        *("none", "linear, anchored", "combat, anchored", "combat", "harmony, anchored", "harmony", "tvn"),
    ]


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_without_a_batch_effect_nothing_is_recommended(normalized, seed):
    """Even where the paired interval of a candidate lies above none: it pulls replicates together."""
    wells = simulate_batches("balanced", batch_effect=0.0, seed=seed).wells
    if normalized:
        wells = cpf.normalize(wells, reference=NEGCON)
    found = cpf.compare_corrections(wells, {"shift": shift, "combat": combat}, **DESIGN, draws=300)
    record = found.attrs["recommendation"]
    assert record["chosen"] == "none"
    assert record["sentence"].startswith("Make no correction: nothing says that there is a batch effect.")
    low, high = record["batch_effect"][1:]
    assert low <= 0 <= high


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_on_a_split_library_learning_from_all_wells_is_unsafe_and_from_controls_is_not(normalized, seed):
    wells = simulate_batches("split", compounds=120, features=100, seed=seed).wells
    if normalized:
        wells = cpf.normalize(wells, reference=NEGCON)
    candidates = {"shift": shift, "anchored": ANCHORED, "combat": combat}
    found = cpf.compare_corrections(wells, candidates, **DESIGN, label="Metadata_Mechanism", draws=300)
    assert verdict(found, "combat") == "unsafe"
    assert "control gap" in found.attrs["recommendation"]["candidates"]["combat"]["reason"]
    assert verdict(found, "anchored") != "unsafe"
    assert verdict(found, "shift") != "unsafe"
    assert found.attrs["recommendation"]["chosen"] != "combat"
    assert found.attrs["recommendation"]["primary"] == "mechanism_map"
    assert np.isnan(value(found, "none", "cross_batch_map"))
    assert value(found, "none", "cross_batch_map", "note") == "no perturbation is in two batches"


def test_defaults_that_the_guards_refuse_are_named_with_the_reason():
    wells = simulate_batches("split", compounds=30, features=30, controls=16).wells
    found = cpf.compare_corrections(wells, **DESIGN, draws=50)
    record = found.attrs["recommendation"]["candidates"]
    assert {name for name, told in record.items() if told["verdict"] == "refused"} == {"combat", "harmony"}
    assert "none of 30 values of Metadata_Compound is in two of 3" in record["combat"]["reason"]
    assert "combat" not in set(found["candidate"])
    ledger = cpf.ledger(found)
    assert ledger[ledger["step"] == "compare_corrections"]["name"].tolist() == ["combat", "harmony"]


def test_the_biology_is_that_of_average_precision(small):
    """On all perturbations, by the verb; the table shows one half, so both halves are put together."""
    treated = small[small["Metadata_Role"] != "negcon"]
    features = [name for name in small if name.startswith("Cells")]
    centered = small.copy()
    centered[features] -= small.loc[small["Metadata_Role"] == "negcon", features].mean()
    across = cpf.average_precision(
        centered.loc[treated.index],
        positives={"same": [COMPOUND], "different": [BATCH]},
        negatives={"same": [BATCH], "different": [COMPOUND]},
    )
    among = cpf.average_precision(
        centered,
        positives={"same": [COMPOUND], "different": ["Metadata_Plate"]},
        negatives={"same": ["Metadata_Plate"], "different": ["Metadata_Role"]},
    )
    expected = {
        "cross_batch_map": across.groupby(COMPOUND)["average_precision"].mean(),
        "activity_map": among[among["Metadata_Role"] != "negcon"].groupby(COMPOUND)["average_precision"].mean(),
    }
    screen, seen = read(small)
    found = samples(screen, seen, 90)
    for name, scores in expected.items():
        assert found[name].statistic(np.ones((1, 40)))[0] == pytest.approx(scores.mean(), abs=1e-12)


def test_the_table_shows_the_half_that_was_not_chosen_on(small, table):
    screen, seen = read(small, label="Metadata_Mechanism")
    rng = np.random.default_rng(0)
    hold_out(screen, rng)
    chosen_on = halves(screen, rng)
    assert chosen_on.sum() == 20
    found = samples(screen, seen, 90)["cross_batch_map"]
    shown, other = (float(found.statistic(half[None].astype(float))[0]) for half in (~chosen_on, chosen_on))
    assert value(table, "none", "cross_batch_map") == pytest.approx(shown, abs=1e-12)
    assert shown != pytest.approx(other, abs=1e-3)


def test_the_table_is_tidy_and_paired_with_none(table):
    assert (table["difference"].isna() == table["value"].isna())[table["group"] == "biology"].all()
    none = table[table["candidate"] == "none"].set_index("metric")
    other = table[table["candidate"] == "shift"].set_index("metric")
    np.testing.assert_allclose(other["value"] - none["value"], other["difference"], atol=1e-12)
    known = table[table["low"].notna()]
    assert ((known["low"] <= known["value"] + 1e-9) & (known["value"] <= known["high"] + 1e-9)).all()
    paired = other.loc["cross_batch_map", "difference_high"] - other.loc["cross_batch_map", "difference_low"]
    assert paired < other.loc["cross_batch_map", "high"] - other.loc["cross_batch_map", "low"]
    assert set(table.groupby("candidate").size()) == {16}
    assert value(table, "none", "cross_batch_map", "n") == 20
    assert value(table, "none", "bras", "n") == 40


def test_centering_on_controls_leaves_them_no_gap(table):
    assert value(table, "none", "control_gap") > 0.5
    assert value(table, "shift", "control_gap") == pytest.approx(0, abs=1e-9)
    assert value(table, "shift", "pcr_controls") == pytest.approx(0, abs=1e-9)
    assert value(table, "shift", "effect_preservation") > value(table, "anchored", "effect_preservation") > 0.95
    assert value(table, "shift", "ilisi_controls") > value(table, "none", "ilisi_controls") + 0.3
    assert value(table, "shift", "bras", "difference_low") > 0
    assert value(table, "shift", "nearest_same_plate", "difference_high") < 0


def test_order_of_rows_columns_and_names_of_groups_change_nothing(small, table):
    renamed = small.sample(frac=1, random_state=3)
    renamed = renamed[[*renamed.columns[:6], *reversed(renamed.columns[6:])]]
    renamed = renamed.assign(
        **{name: "x" + renamed[name].astype(str).str[::-1] for name in (COMPOUND, BATCH, "Metadata_Plate")}
    )
    again = cpf.compare_corrections(
        renamed, {"shift": shift, "anchored": ANCHORED}, **DESIGN, label="Metadata_Mechanism"
    )
    numbers = ["value", "low", "high", "difference", "difference_low", "difference_high", "n"]
    left, right = (one[one["metric"] != "seconds"] for one in (table, again))
    pd.testing.assert_frame_equal(left[numbers], right[numbers], rtol=1e-6, atol=1e-8)
    assert again.attrs["recommendation"]["sentence"] == table.attrs["recommendation"]["sentence"]


def test_a_finished_table_scores_as_the_function_that_made_it(small, table):
    found = cpf.compare_corrections(small, {"made": shift(small)}, **DESIGN, label="Metadata_Mechanism")
    for metric in ("cross_batch_map", "ilisi_controls", "control_gap", "nearest_same_plate"):
        assert value(found, "made", metric) == pytest.approx(value(table, "shift", metric), abs=1e-9)
    assert np.isnan(value(found, "made", "calibration"))
    assert value(found, "made", "calibration", "note").startswith("a finished table cannot be made again")


def test_an_embedding_is_scored_by_what_it_has(small):
    made = cpf.correct_batch(small, "harmony", **DESIGN, output="embedding", n_components=10)
    found = cpf.compare_corrections(small, {"embedding": made}, **DESIGN, draws=50)
    assert value(found, "embedding", "cross_batch_map") > value(found, "none", "cross_batch_map")
    assert np.isnan(value(found, "embedding", "effect_preservation"))
    features = [name for name in small if name.startswith("Cells")][:20]
    few = cpf.compare_corrections(small, {"embedding": made}, **DESIGN, features=features, draws=50)
    for metric in ("pcr_controls", "bras", "nearest_same_plate"):
        assert value(few, "embedding", metric) == pytest.approx(value(found, "embedding", metric), abs=1e-9)
        assert value(few, "none", metric) != pytest.approx(value(found, "none", metric), abs=1e-9)


def test_variants_are_chosen_on_one_half_and_the_best_safe_one_is_shown(small):
    def noisy(profiles):
        return shift(profiles).assign(Cells_Texture_Variance_000=np.arange(len(profiles)) * 10.0)

    found = cpf.compare_corrections(small, {"shift": {"noisy": noisy, "plain": shift}}, **DESIGN, draws=100)
    assert set(found[found["candidate"] == "shift"]["variant"]) == {"plain"}
    assert found.attrs["recommendation"]["chosen"] == "shift"
    assert "shift (plain)" in found.attrs["recommendation"]["sentence"]


def test_a_function_with_a_seed_is_run_with_two(small):
    seeds = []

    def drawn(profiles, seed=7):
        seeds.append(seed)
        moved = shift(profiles)
        features = [name for name in moved if name.startswith("Cells")]
        moved[features] += np.random.default_rng(seed).normal(size=(len(moved), 30)) * 3
        return moved

    found = cpf.compare_corrections(small, {"drawn": drawn}, **DESIGN, draws=50, seed=5)
    assert sorted(set(seeds)) == [5, 6]
    assert value(found, "drawn", "seed_stability") < 0.8
    assert verdict(found, "drawn") == "unsafe"
    assert "another seed gives other profiles" in found.attrs["recommendation"]["candidates"]["drawn"]["reason"]


def test_a_correction_that_saw_the_labels_is_flagged_and_never_recommended(small):
    def linear(profiles):
        return cpf.correct_batch(profiles, "linear", **DESIGN)

    found = cpf.compare_corrections(small, {"linear": linear, "mine": shift}, **DESIGN, saw_labels=["mine"], draws=50)
    assert found.groupby("candidate")["saw_labels"].all().to_dict() == {"linear": True, "mine": True, "none": False}
    assert verdict(found, "linear") == verdict(found, "mine") == "saw labels"
    assert found.attrs["recommendation"]["chosen"] == "none"
    with pytest.raises(InputError, match=r"saw_labels=\['scanvi'\]: no such candidate; there are none, linear."):
        cpf.compare_corrections(small, {"linear": linear}, **DESIGN, saw_labels=["scanvi"], draws=50)


def test_the_input_is_not_changed_and_the_ledger_travels(small, table):
    before = small.copy()
    cpf.compare_corrections(small, {"shift": shift}, **DESIGN, draws=20)
    pd.testing.assert_frame_equal(small, before)
    assert set(table.attrs) == {"ledger", "recommendation"}


def test_a_fixed_layout_is_told_with_replicates(small):
    wells = [f"{'ABCDEFGH'[i // 12]}{i % 12 + 1:02d}" for i in small.groupby("Metadata_Plate").cumcount()]
    found = cpf.compare_corrections(small.assign(Metadata_Well=wells), {"shift": shift}, **DESIGN, draws=20)
    assert found.attrs["recommendation"]["fixed_layout"] == 1
    assert value(found, "shift", "replicate_map", "note").startswith("layout is fixed: 100% of perturbations")
    without = cpf.compare_corrections(small, {"shift": shift}, **DESIGN, draws=20, well=None)
    assert np.isnan(without.attrs["recommendation"]["fixed_layout"])
    assert np.isnan(value(without, "shift", "position_leakage"))


def test_too_few_perturbations_to_tell(small):
    few = small[small[COMPOUND].isin(["DMSO", "C000", "C001", "C002"])]
    found = cpf.compare_corrections(few, {"shift": {"one": shift, "two": shift}}, **DESIGN, draws=20)
    assert set(found.groupby("candidate").size()) == {16}
    assert found.attrs["recommendation"]["sentence"].startswith("Make no correction: fewer than 10 perturbations")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"batch": "Metadata_Role", "reference": "Metadata_Compound == 'DMSO'"}, ReferenceRowsError, "fewer than 2"),
        ({"batch": None}, InputError, "batch=None: not the name of a column"),
        ({"by": "Metadata_Gene"}, ColumnError, "by='Metadata_Gene': no such column"),
        ({"reference": None}, InputError, "reference=None: say which rows are controls"),
        ({"reference": "Metadata_Role != 'x'"}, ReferenceRowsError, "matches all rows"),
        ({"label": "Metadata_Target"}, ColumnError, "label='Metadata_Target': no such column"),
        ({"features": ["Cells_x"]}, ColumnError, "features='Cells_x': no such column"),
        ({"neighbors": 2}, InputError, "neighbors=2: not a whole number of at least 3"),
        ({"draws": 1}, InputError, "draws=1: not a whole number of at least 2"),
        ({"candidates": {"a": 3}}, InputError, r"candidates\['a'\]: a int; give a function"),
        ({"candidates": {"a": {}}}, InputError, r"candidates\['a'\]: no variants"),
        ({"candidates": ["combat"]}, InputError, r"candidates=\['combat'\]: not a mapping"),
        ({"candidates": {"a": lambda table: table.head(3)}}, KeyMatchError, r"candidates\['a'\]: has 3 rows, profiles"),
        ({"candidates": {"a": lambda table: 3}}, KeyMatchError, r"candidates\['a'\]: gives a int"),
    ],
)
def test_what_cannot_be_compared_is_refused(small, changed, error, message):
    with pytest.raises(error, match=message):
        cpf.compare_corrections(small, **{"candidates": {}, "draws": 20, **DESIGN, **changed})


def test_one_batch_and_missing_values_are_refused(small):
    with pytest.raises(InputError, match="has one value, so there are no batches to correct"):
        cpf.compare_corrections(small[small[BATCH] == "B1"], {}, **DESIGN)
    holed = small.copy()
    holed.iloc[3, -1] = np.nan
    with pytest.raises(FeatureError, match="have missing values"):
        cpf.compare_corrections(holed, {}, **DESIGN)


@pytest.mark.real
def test_dyes_of_real_plates(real_data):
    """Four plates of one layout with other dyes: ComBat on all wells is unsafe, the shares are those published."""
    folder = real_data("cdot_dyes_jumpmoa") / "profiles_batch_level"
    tables = [pd.read_csv(file) for file in sorted(folder.glob("*_feature_select_negcon_batch.csv.gz"))]
    shared = [name for name in tables[0] if not name.startswith("Metadata_") and all(name in one for one in tables)]
    wells = pd.concat(tables, ignore_index=True)
    metadata = wells[["Metadata_Plate", "Metadata_Well", "Metadata_MoA"]].assign(
        **{COMPOUND: wells["Metadata_broad_sample"].fillna("DMSO")}
    )
    wells = pd.concat([metadata, wells[shared].clip(-50, 50)], axis=1)
    told = {"batch": "Metadata_Plate", "by": COMPOUND, "reference": {COMPOUND: "DMSO"}, "features": shared}
    found = cpf.compare_corrections(wells, **told, label="Metadata_MoA")
    assert value(found, "none", "nearest_same_plate") == pytest.approx(0.835, abs=0.001)
    assert value(found, "none", "nearest_other_plate") == pytest.approx(0.564, abs=0.001)
    assert value(found, "combat", "nearest_same_plate") == pytest.approx(0.646, abs=0.005)
    assert verdict(found, "combat") == "unsafe"
    assert found.attrs["recommendation"]["fixed_layout"] == 1
    assert found.attrs["recommendation"]["difference"][1] > 0
