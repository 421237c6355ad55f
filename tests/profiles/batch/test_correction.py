"""Batches made comparable."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError
from cellprofiling.simulate.faults.batch_screen import simulate_batches
from tests.builders import NEGCON

BATCH, COMPOUND = "Metadata_Batch", "Metadata_Compound"
METHODS = ("combat", "linear", "harmony")
ANCHORED = {"batch": BATCH, "anchors": "reference", "reference": NEGCON}
OPEN = {"batch": BATCH, "reference": NEGCON, "by": COMPOUND}


@pytest.fixture(scope="module")
def balanced():
    return simulate_batches("balanced", compounds=20, controls=20, features=24).wells


@pytest.fixture(scope="module")
def split():
    return simulate_batches("split", compounds=30, controls=20, features=24).wells


def values(table):
    return table.filter(regex="^(Cells|Harmony)").to_numpy()


def reasons(table, item):
    lines = cpf.ledger(table)
    return lines.loc[lines["item"] == item, "reason"].tolist()


@pytest.mark.parametrize("options", [OPEN, ANCHORED], ids=["open", "anchored"])
@pytest.mark.parametrize("method", METHODS)
def test_neither_rows_nor_columns_nor_names_of_batches_matter_to_the_last_bit(balanced, method, options):
    expected = cpf.correct_batch(balanced, method, **options)
    other = balanced.sample(frac=1, random_state=1)
    other = other[list(np.random.default_rng(0).permutation(other.columns))]
    other[BATCH] = other[BATCH].map({"B1": "Z", "B2": "A", "B3": "M"})
    found = cpf.correct_batch(other, method, **options)
    names = list(balanced.filter(like="Cells"))
    pd.testing.assert_frame_equal(found.loc[expected.index, names], expected[names], check_exact=True)
    pd.testing.assert_frame_equal(found[names], found[names])


@pytest.mark.parametrize("method", METHODS)
def test_the_table_keeps_its_rows_metadata_order_and_kind_of_numbers(balanced, method):
    features = list(balanced.filter(like="Cells"))
    wells = balanced.astype(dict.fromkeys(features, np.float32)).sample(frac=1, random_state=2)
    before = wells.copy()
    corrected = cpf.correct_batch(wells, method, **ANCHORED)
    pd.testing.assert_frame_equal(wells, before)
    assert list(corrected) == list(wells)
    pd.testing.assert_frame_equal(corrected.filter(like="Metadata"), wells.filter(like="Metadata"))
    assert (corrected[features].dtypes == np.float32).all()


@pytest.mark.parametrize("method", METHODS)
def test_only_the_features_named_are_corrected(balanced, method):
    names = list(balanced.filter(like="Cells"))
    corrected = cpf.correct_batch(balanced, method, features=names[:20], **ANCHORED)
    assert list(corrected.filter(like="Cells")) == names[:20]
    assert (corrected[names[:20]].to_numpy() != balanced[names[:20]].to_numpy()).any(axis=0).all()


@pytest.mark.parametrize("method", ["combat", "linear"])
@pytest.mark.parametrize("offset", [1e6, -1e6])
def test_an_offset_changes_nothing_but_itself(balanced, method, offset):
    names = list(balanced.filter(like="Cells"))
    moved = pd.concat([balanced.filter(like="Metadata"), balanced[names] + offset], axis=1)
    found = values(cpf.correct_batch(moved, method, **ANCHORED)) - offset
    np.testing.assert_allclose(found, values(cpf.correct_batch(balanced, method, **ANCHORED)), atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_learned_from_controls_nothing_depends_on_treated_wells(balanced, method):
    """Treated wells of one batch made a hundred times as strong: what happens to controls does not change."""
    names, treated = list(balanced.filter(like="Cells")), (balanced["Metadata_Role"] != "negcon").to_numpy()
    strong = balanced.copy()
    strong.loc[treated & (balanced[BATCH] == "B1"), names] *= 100
    first, second = (cpf.correct_batch(table, method, **ANCHORED) for table in (balanced, strong))
    if method == "harmony":  # clusters are formed by all wells, so it holds for the mean of controls only
        centers = [table[~treated].groupby(BATCH)[names].mean().to_numpy() for table in (first, second)]
        apart = [np.linalg.norm(center - center.mean(axis=0)) for center in centers]
        assert max(apart) < 0.2 * np.linalg.norm(balanced[~treated].groupby(BATCH)[names].mean().std(ddof=0))
    else:
        np.testing.assert_allclose(values(first)[~treated], values(second)[~treated], rtol=1e-12, atol=1e-12)


def test_batches_that_share_no_compound_are_refused_with_the_numbers(split):
    for method in ("combat", "harmony"):
        with pytest.raises(
            InputError, match=r"none of 30 values of Metadata_Compound is in two of 3 values of Metadata_B"
        ):
            cpf.correct_batch(split, method, **OPEN)
    insisted = cpf.correct_batch(split, "combat", allow_confounded=True, **OPEN)
    assert reasons(insisted, "check") == [
        "none of 30 values of Metadata_Compound is in two of 3 values of Metadata_Batch"
    ]


def test_controls_that_nobody_named_do_not_hide_it(split):
    """DMSO is in every batch; the most frequent perturbation is taken for the control where none is named."""
    with pytest.raises(InputError, match=r"none of 30 values of Metadata_Compound is in two"):
        cpf.correct_batch(split, "combat", batch=BATCH, by=COMPOUND)


def test_anchored_on_controls_it_is_not_confounded(split):
    for method in METHODS:
        assert reasons(cpf.correct_batch(split, method, by=COMPOUND, **ANCHORED), "check") == []


def test_without_names_of_perturbations_it_is_said_that_nothing_was_checked(split):
    corrected = cpf.correct_batch(split, "combat", batch=BATCH)
    assert reasons(corrected, "check")[0].startswith("not checked: without by=... nothing says which perturbations")


def test_few_shared_perturbations_are_a_line(split):
    shared = split.copy()
    shared.loc[shared[COMPOUND].isin(["C000", "C001", "C002"]), COMPOUND] = "C000"
    corrected = cpf.correct_batch(shared, "combat", **OPEN)
    assert reasons(corrected, "check") == [
        "1 of 28 values of Metadata_Compound are in two or more of 3 values of Metadata_Batch"
    ]


def test_seeing_labels_is_a_line(balanced):
    def seen(method, **options):
        corrected = cpf.correct_batch(balanced, method, **{**OPEN, **options})
        return reasons(corrected, "label")

    flattered = ["seen by the correction: scores of the same labels on the same rows are flattered"]
    assert seen("linear") == seen("combat", anchors="shared") == flattered
    assert seen("combat") == seen("harmony") == seen("linear", anchors="reference") == []


def test_the_ledger_says_on_how_many_rows_it_was_learned(balanced):
    corrected = cpf.correct_batch(balanced, "combat", **ANCHORED)
    assert reasons(corrected, "batch") == ["3 values of Metadata_Batch, learned on 120 of 240 rows"]


def test_one_batch_is_left_as_it_is_with_a_line(balanced):
    one = balanced[balanced[BATCH] == "B2"]
    for method in METHODS:
        options = {} if method == "linear" else {"anchors": None}
        corrected = cpf.correct_batch(one, method, **{**ANCHORED, **options})
        np.testing.assert_allclose(values(corrected), values(one), rtol=1e-12, atol=1e-12)
        assert reasons(corrected, "batch") == ["nothing to correct: Metadata_Batch has one value"]


def test_batches_with_a_single_row_are_refused(balanced):
    lone = balanced.copy()
    lone.loc[lone.index[0], BATCH] = "B9"
    with pytest.raises(ReferenceRowsError, match=r"batch='Metadata_Batch': 'B9' with 1 rows; at least 2 are needed"):
        cpf.correct_batch(lone, "harmony", batch=BATCH)
    with pytest.raises(ReferenceRowsError, match=r"'B3' with 0 anchors; at least 2"):
        cpf.correct_batch(balanced, "combat", batch=BATCH, anchors=f"{NEGCON} and {BATCH} != 'B3'")


def test_few_anchors_are_a_line(balanced):
    anchors = f"{NEGCON} and Metadata_Plate not in ['P06'] and Metadata_Well != 'A01'"
    corrected = cpf.correct_batch(balanced.groupby([BATCH, COMPOUND]).head(5), "combat", **ANCHORED)
    assert reasons(corrected, "batch")[1:] == ["only 5 rows to learn from"] * 3
    assert len(reasons(cpf.correct_batch(balanced, "combat", batch=BATCH, anchors=anchors), "batch")) == 1


def test_a_feature_without_spread_in_a_batch_is_a_line(balanced):
    name = balanced.filter(like="Cells").columns[3]
    wells = balanced.copy()
    wells.loc[(wells[BATCH] == "B2") & (wells["Metadata_Role"] == "negcon"), name] = 0.25
    corrected = cpf.correct_batch(wells, "combat", **ANCHORED)
    (line,) = cpf.ledger(corrected).query("item == 'feature'").to_dict("records")
    assert (line["name"], line["reason"]) == (name, "no spread in 'B2': shifted, not scaled there")
    assert np.isfinite(values(corrected)).all()
    treated = (wells[BATCH] == "B2") & (wells["Metadata_Role"] != "negcon")
    np.testing.assert_allclose(corrected.loc[treated, name].std(), wells.loc[treated, name].std())


def test_anchors_by_name_query_mapping_and_mask_are_the_same(balanced):
    expected = cpf.correct_batch(balanced, "combat", **ANCHORED)
    for anchors in (NEGCON, {"Metadata_Role": "negcon"}, balanced["Metadata_Role"] == "negcon"):
        found = cpf.correct_batch(balanced, "combat", batch=BATCH, anchors=anchors)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_shared_anchors_are_controls_and_compounds_of_every_batch(split):
    shared = split.copy()
    everywhere = {"C000": "S", "C001": "S", "C002": "S"}
    shared[COMPOUND] = shared[COMPOUND].replace(everywhere)
    found = cpf.correct_batch(shared, "combat", anchors="shared", **OPEN)
    expected = cpf.correct_batch(shared, "combat", batch=BATCH, anchors=f"{NEGCON} or {COMPOUND} == 'S'")
    np.testing.assert_array_equal(values(found), values(expected))


def test_anchors_that_cannot_be_found(split):
    with pytest.raises(InputError, match=r"anchors='reference': say which rows those are with reference="):
        cpf.correct_batch(split, "combat", batch=BATCH, anchors="reference")
    with pytest.raises(InputError, match=r"anchors='shared': name the perturbation columns with by="):
        cpf.correct_batch(split, "combat", batch=BATCH, anchors="shared")
    treated = split[split["Metadata_Role"] != "negcon"]
    with pytest.raises(
        ReferenceRowsError, match=r"anchors='shared': no value of Metadata_Compound is in every value of"
    ):
        cpf.correct_batch(treated, "combat", batch=BATCH, anchors="shared", by=COMPOUND)
    with pytest.raises(ReferenceRowsError, match=r"anchors=\"Metadata_Role == 'no'\": matches no row"):
        cpf.correct_batch(split, "combat", batch=BATCH, anchors="Metadata_Role == 'no'")


def test_what_cannot_be_asked_for(balanced):
    with pytest.raises(InputError, match=r"method='combatt': choose one of .* Did you mean 'combat'"):
        cpf.correct_batch(balanced, "combatt", batch=BATCH)
    with pytest.raises(ColumnError, match=r"batch='Metadata_batch': no such column.*Did you mean 'Metadata_Batch'"):
        cpf.correct_batch(balanced, "combat", batch="Metadata_batch")
    with pytest.raises(InputError, match=r"batch=None: not the name of a column"):
        cpf.correct_batch(balanced, "combat", batch=None)
    with pytest.raises(
        InputError, match=r"theta=1: not an option of 'combat'; its options are 'reference_batch', 'mean"
    ):
        cpf.correct_batch(balanced, "combat", batch=BATCH, theta=1)
    with pytest.raises(InputError, match=r"reference_batch='B9': no such batch; there are 'B"):
        cpf.correct_batch(balanced, "combat", batch=BATCH, reference_batch="B9")
    with pytest.raises(InputError, match=r"n_components=0: give a number of components, or a share"):
        cpf.correct_batch(balanced, "harmony", batch=BATCH, n_components=0)
    with pytest.raises(InputError, match=r"output='pcs': choose one of 'features', 'embedding'"):
        cpf.correct_batch(balanced, "harmony", batch=BATCH, output="pcs")
    with pytest.raises(InputError, match=r"method='linear': name the perturbation columns with by="):
        cpf.correct_batch(balanced, "linear", batch=BATCH)
    with pytest.raises(FeatureError, match=r"have missing values"):
        cpf.correct_batch(balanced.assign(Cells_gap=np.nan), "combat", batch=BATCH)
    flat = balanced.assign(**dict.fromkeys(balanced.filter(like="Cells").columns, 2.0))
    with pytest.raises(FeatureError, match=r"all 240 rows have the same feature values"):
        cpf.correct_batch(flat, "harmony", batch=BATCH)


def test_linear_says_which_batches_cannot_be_compared(split):
    treated = split[split["Metadata_Role"] != "negcon"]
    with pytest.raises(
        ReferenceRowsError, match=r"'B\d' \| 'B\d' \| 'B\d' cannot be compared, because no perturbation"
    ):
        cpf.correct_batch(treated, "linear", batch=BATCH, by=COMPOUND)
    left = cpf.correct_batch(treated, "linear", batch=BATCH, by=COMPOUND, allow_confounded=True)
    np.testing.assert_allclose(values(left), values(treated), atol=1e-12)  # within each batch there is nothing to do


def test_linear_takes_batch_and_plate_at_once(balanced):
    corrected = cpf.correct_batch(balanced, "linear", **{**OPEN, "batch": [BATCH, "Metadata_Plate"]})
    plates = cpf.correct_batch(balanced, "linear", **{**OPEN, "batch": "Metadata_Plate"})
    np.testing.assert_allclose(values(corrected), values(plates), atol=1e-9)  # a plate is in one batch
    for _, same in corrected.groupby(COMPOUND):
        assert len(same) in (6, 120)
    effects = corrected.groupby("Metadata_Plate")[list(balanced.filter(like="Cells"))].mean()
    np.testing.assert_allclose(effects, effects.mean().to_numpy()[None, :].repeat(6, axis=0), atol=1e-9)


@pytest.mark.parametrize("method", ["combat", "linear"])
def test_a_fit_comes_back_from_its_file_and_corrects_later_wells(tmp_path, balanced, method):
    fit = cpf.fit_batch_correction(balanced, method, **ANCHORED)
    again = cpf.load_fit(fit.save(tmp_path / "fit.json"))
    expected = cpf.correct_batch(balanced, method, **ANCHORED)
    pd.testing.assert_frame_equal(again.apply(balanced), expected, check_exact=True)
    some = balanced[balanced[BATCH] == "B2"].iloc[::-1].iloc[:5]  # no controls needed, columns in any order
    some = some[[*some.columns[::-1]]]
    pd.testing.assert_frame_equal(
        again.apply(some)[list(expected)], expected.loc[some.index], check_exact=True, check_like=False
    )
    with pytest.raises(InputError, match=r"'B7' not among the batches of the fit, which are 'B"):
        again.apply(some.assign(**{BATCH: "B7"}))
    with pytest.raises(ColumnError, match=r"features='Cells_Texture_Variance_000': no such column"):
        again.apply(balanced.drop(columns="Cells_Texture_Variance_000"))


def test_harmony_has_nothing_to_keep(balanced):
    with pytest.raises(InputError, match=r"method='harmony': places only the rows it is given"):
        cpf.fit_batch_correction(balanced, "harmony", batch=BATCH)


def test_harmony_gives_features_or_an_embedding(balanced):
    """With all components the features are the embedding turned back: distances between wells are the same."""
    features = cpf.correct_batch(balanced, "harmony", n_components=24, **OPEN)
    embedding = cpf.correct_batch(balanced, "harmony", n_components=24, output="embedding", **OPEN)
    assert list(embedding.filter(like="Harmony")) == [f"Harmony{i + 1}" for i in range(24)]
    distances = [
        np.linalg.norm(values(table)[:50, None] - values(table)[None, 50:], axis=2) for table in (features, embedding)
    ]
    np.testing.assert_allclose(*distances, rtol=1e-9)
    few = cpf.correct_batch(balanced, "harmony", n_components=0.5, output="embedding", **OPEN)
    assert 1 < len(few.filter(like="Harmony").columns) < 24


def test_harmony_in_few_components_leaves_the_others_alone(balanced):
    corrected = cpf.correct_batch(balanced, "harmony", n_components=3, **OPEN)
    change = values(corrected) - values(balanced)
    assert np.linalg.matrix_rank(change, tol=1e-8) == 3


def test_the_seed_of_harmony(balanced):
    first, again, other = (cpf.correct_batch(balanced, "harmony", seed=seed, **OPEN) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert np.linalg.norm(values(first) - values(other)) < 0.6 * np.linalg.norm(values(first) - values(balanced))
    cosine = (values(first) * values(other)).sum(axis=1) / np.linalg.norm(values(first), axis=1)
    assert np.median(cosine / np.linalg.norm(values(other), axis=1)) > 0.98


@pytest.mark.parametrize("method", METHODS)
def test_a_row_without_batch_is_of_the_argument_that_names_it(balanced, method):
    bare = balanced.copy()
    bare.iloc[5, bare.columns.get_loc("Metadata_Batch")] = np.nan
    with pytest.raises(ColumnError, match=r"^batch='Metadata_Batch': 1 of \d+ rows have no value there"):
        cpf.correct_batch(bare, method, **ANCHORED)
