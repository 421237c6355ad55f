"""Normalization."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError
from cellprofiling.profiles.normalization.scaling_methods import METHODS
from tests.builders import NEGCON

FEATURES = [f"Cells_Texture_Variance_{i}" for i in range(6)]


def average_rank(value, values):
    """Return the rank of a value among others, interpolated where it is none of them."""
    if np.isnan(value):
        return np.nan
    below, equal = (values < value).sum(), (values == value).sum()
    if equal:
        return below + (equal + 1) / 2
    if below in (0, len(values)):
        return below + 0.5
    low, high = values[values < value].max(), values[values > value].min()
    return below + (value - low) / (high - low)


def naive_scores(plate, method):
    """Write out each method for one plate, feature by feature."""
    controls, scores = plate[plate["Metadata_Role"] == "negcon"], plate.copy()
    for name in FEATURES:
        values = controls[name].dropna().to_numpy()
        if method == "standardize":
            location, scale = values.mean(), values.std()
        elif method == "rank_inverse_normal":
            ranks = [average_rank(value, values) for value in plate[name]]
            scores[name] = norm.ppf((np.array(ranks) - 3 / 8) / (len(values) + 1 / 4))
            continue
        elif method == "robustize":
            location, scale = np.median(values), np.subtract(*np.percentile(values, [75, 25]))
        else:
            location = np.median(values)
            scale = 1.4826 * np.median(np.abs(values - location))
        scores[name] = (plate[name] - location) / scale
    return scores


@pytest.mark.parametrize("method", METHODS)
def test_each_plate_is_scaled_to_its_own_controls(plates, method):
    scores = cpf.normalize(plates, method, reference=NEGCON)
    expected = pd.concat([naive_scores(plate, method) for _, plate in plates.groupby("Metadata_Plate")])
    pd.testing.assert_frame_equal(scores, expected.loc[plates.index], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("method", ["standardize", "robustize", "mad_robustize"])
def test_one_plate_equals_pycytominer_1_7_1(plates, method, pycytominer):
    plate = plates[plates["Metadata_Plate"] == "P1"]
    peer = pycytominer.normalize(plate.copy(), method=method, samples=NEGCON)
    ours = cpf.normalize(plate, method, reference=NEGCON)
    measured = FEATURES[1:]  # in the first, rounding of the mean alone is 1e-10 of the spread
    np.testing.assert_allclose(ours[measured], peer[measured], rtol=1e-12, atol=1e-12)


def test_without_spread_scikit_learn_and_pycytominer_1_7_1_center_only(plates, pycytominer):
    plate = plates[plates["Metadata_Plate"] == "P1"].assign(
        Cells_Flat=lambda x: np.arange(24) * (x.Metadata_Role != "negcon")
    )
    for method in ("standardize", "robustize"):
        peer = pycytominer.normalize(plate.copy(), method=method, samples=NEGCON)
        ours = cpf.normalize(plate, method, reference=NEGCON, zero_scale="keep")
        np.testing.assert_allclose(ours["Cells_Flat"], peer["Cells_Flat"], atol=1e-12)
    exploded = pycytominer.normalize(plate.copy(), method="mad_robustize", samples=NEGCON)["Cells_Flat"]
    assert exploded.max() > 1e18  # chosen difference: a MAD of zero is no spread, not one of 1e-18
    assert cpf.normalize(plate, "mad_robustize", reference=NEGCON, zero_scale="keep")["Cells_Flat"].max() == 23


SCALED = ("standardize", "robustize", "mad_robustize")


@pytest.mark.parametrize("method", SCALED)
def test_reference_rows_have_location_0_and_scale_1(plates, method):
    scores = cpf.normalize(plates, method, reference=NEGCON)
    for _, controls in scores[scores["Metadata_Role"] == "negcon"].groupby("Metadata_Plate"):
        fitted = METHODS[method](controls[FEATURES].to_numpy())
        np.testing.assert_allclose(fitted.location, 0, atol=1e-9)
        np.testing.assert_allclose(fitted.scale, 1, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    method=st.sampled_from(list(METHODS)),
    shift=st.floats(-1e3, 1e3),
    factor=st.floats(0.01, 100),
    order=st.permutations(range(12)),
)
def test_units_and_row_order_do_not_matter(method, shift, factor, order):
    x = np.random.default_rng(3).normal(size=(12, 2))
    wells = pd.DataFrame(x, columns=["Cells_a", "Cells_b"]).assign(Metadata_Plate=["P1", "P2"] * 6)
    moved = wells.assign(Cells_a=wells["Cells_a"] * factor + shift).iloc[order]
    expected = cpf.normalize(wells, method)
    pd.testing.assert_frame_equal(cpf.normalize(moved, method).sort_index(), expected, atol=1e-7)


def test_rows_columns_dtype_and_input_stay(plates):
    before = plates.copy(deep=True)
    scores = cpf.normalize(plates.astype(dict.fromkeys(FEATURES, np.float32)))
    assert set(scores[FEATURES].dtypes) == {np.dtype(np.float32)}
    assert list(scores.columns) == list(plates.columns)
    assert scores.index.equals(plates.index)
    cpf.normalize(plates)
    pd.testing.assert_frame_equal(plates, before)


def test_float32_is_computed_in_float64(plates):
    single = plates.astype(dict.fromkeys(FEATURES, np.float32))
    exact = cpf.normalize(single.astype(dict.fromkeys(FEATURES, np.float64)), reference=NEGCON, zero_scale="keep")
    ours = cpf.normalize(single, reference=NEGCON, zero_scale="keep")
    measured = FEATURES[1:]  # the first has no spread left in float32
    np.testing.assert_array_equal(ours[measured], exact[measured].astype(np.float32))


def test_missing_values_are_skipped_and_stay_missing(plates):
    scores = cpf.normalize(plates, reference=NEGCON)
    np.testing.assert_array_equal(scores[FEATURES].isna(), plates[FEATURES].isna())


def test_by_none_is_one_group(plates):
    scores = cpf.normalize(plates, "standardize", by=None)
    np.testing.assert_allclose(scores[FEATURES].mean(), 0, atol=1e-6)
    assert abs(scores.loc[scores["Metadata_Plate"] == "P1", FEATURES[1]].mean()) > 0.5


def test_only_named_features_are_scaled(plates):
    scores = cpf.normalize(plates, features=FEATURES[:2])
    assert [name for name in scores if name in FEATURES] == FEATURES[:2]
    assert abs(scores[FEATURES[1]]).max() < 100


def test_options_reach_the_method(plates):
    jump = cpf.normalize(plates, mad_scale=1.0)
    np.testing.assert_allclose(jump[FEATURES], 1.4826 * cpf.normalize(plates)[FEATURES], rtol=1e-12)
    sample = cpf.normalize(plates, "standardize", by=None, ddof=1)[FEATURES]
    np.testing.assert_allclose(sample.std(ddof=1), 1, rtol=1e-9)


@pytest.fixture
def flat(plates):
    """One feature is constant in the controls of P2 only."""
    in_p2 = (plates["Metadata_Plate"] == "P2") & (plates["Metadata_Role"] == "negcon")
    return plates.assign(Cells_Flat=np.where(in_p2, 0.1 + 0.2, np.arange(48.0)))


def test_without_spread_on_one_plate_a_feature_is_dropped_for_all_and_written_down(flat):
    scores = cpf.normalize(flat, reference=NEGCON)
    assert "Cells_Flat" not in scores
    line = cpf.ledger(scores).iloc[-1]
    assert line.to_dict() == {
        "step": "normalize",
        "item": "feature",
        "name": "Cells_Flat",
        "reason": "no spread in the reference of Metadata_Plate 'P2'",
        "n": 1,
    }


def test_without_spread_a_feature_can_be_kept_in_its_units(flat):
    scores = cpf.normalize(flat, reference=NEGCON, zero_scale="keep")
    p2 = flat["Metadata_Plate"] == "P2"
    np.testing.assert_allclose(scores.loc[p2, "Cells_Flat"], flat.loc[p2, "Cells_Flat"] - 0.3, atol=1e-15)
    assert cpf.ledger(scores)["reason"].iloc[-1] == "no spread in the reference of Metadata_Plate 'P2': centered only"


def test_without_spread_can_be_an_error(flat):
    with pytest.raises(
        FeatureError, match=r"features 'Cells_Flat' have no spread in the reference of Metadata_Plate 'P2'"
    ):
        cpf.normalize(flat, reference=NEGCON, zero_scale="error")


def test_nothing_explodes_where_controls_are_constant(flat):
    for method in METHODS:
        assert abs(cpf.normalize(flat, method, reference=NEGCON, zero_scale="keep")["Cells_Flat"]).max() < 1e3


def test_no_feature_with_spread_is_an_error():
    wells = pd.DataFrame({"Cells_a": [1.0, 1], "Cells_b": [0.3, 0.1 + 0.2]})
    with pytest.raises(FeatureError, match=r"features 'Cells_a', 'Cells_b' have no spread in the reference: leave"):
        cpf.normalize(wells, by=None)


def test_a_feature_without_value_is_an_error_that_says_what_to_do(plates):
    empty = plates.assign(Cells_Gone=np.where(plates["Metadata_Plate"] == "P1", np.nan, np.arange(48.0)))
    message = (
        r"features 'Cells_Gone' have no value in the reference of Metadata_Plate 'P1': leave them out with features="
    )
    with pytest.raises(FeatureError, match=message):
        cpf.normalize(empty, reference=NEGCON)
    remedy = cpf.select_features(empty, {"missing": {"cutoff": 0}})
    assert "Cells_Gone" not in cpf.normalize(remedy, reference=NEGCON)


def test_a_plate_with_one_control_is_an_error_in_one_sentence(plates):
    controls = plates.index[(plates["Metadata_Plate"] == "P2") & (plates["Metadata_Role"] == "negcon")]
    message = (
        r"reference=\"Metadata_Role == 'negcon'\": matches 1 row of Metadata_Plate 'P2', and at least 2 are needed to "
        r"measure a spread: leave these rows out, widen the reference, or pool groups with a coarser by"
    )
    with pytest.raises(ReferenceRowsError, match=message):
        cpf.normalize(plates.drop(controls[1:]), reference=NEGCON)


def test_plates_without_controls_are_an_error(plates):
    treated = plates[plates["Metadata_Role"] == "treatment"].assign(Metadata_Plate=lambda x: x["Metadata_Plate"] + "b")
    message = r"matches 0, 0 rows of Metadata_Plate 'P1b', 'P2b', and at least 2"
    with pytest.raises(ReferenceRowsError, match=message):
        cpf.normalize(pd.concat([plates, treated]), reference=NEGCON)


def test_how_many_controls_are_needed_can_be_raised(plates):
    with pytest.raises(ReferenceRowsError, match=r"reference=a mask: matches 8, 8 rows .* at least 9 are needed"):
        cpf.normalize(plates, reference=plates["Metadata_Role"] == "negcon", min_reference=9)
    with pytest.raises(InputError, match=r"min_reference=0: not a whole number of at least 1"):
        cpf.normalize(plates, min_reference=0)


def test_a_single_row_has_no_spread():
    wells = pd.DataFrame({"Metadata_Plate": ["P1"], "Cells_a": [1.0]})
    with pytest.raises(ReferenceRowsError, match=r"reference=None: matches 1 row of Metadata_Plate 'P1'"):
        cpf.normalize(wells)
    assert cpf.normalize(wells, min_reference=1, zero_scale="keep")["Cells_a"].tolist() == [0.0]


def test_several_columns_make_a_group(plates):
    small = plates.assign(Metadata_Batch=plates.index % 2)
    with pytest.raises(ReferenceRowsError, match=r"of Metadata_Plate, Metadata_Batch \('P1', 0\), \('P1', 1\)"):
        cpf.normalize(small, by=["Metadata_Plate", "Metadata_Batch"], min_reference=20)


def test_what_does_not_exist_is_named(plates):
    with pytest.raises(InputError, match=r"method='mad': choose one of 'mad_robustize', 'robustize', 'standardize'"):
        cpf.normalize(plates, "mad")
    with pytest.raises(InputError, match=r"zero_scale='no': choose one of 'drop', 'keep', 'error'"):
        cpf.normalize(plates, zero_scale="no")
    with pytest.raises(InputError, match=r"ddof=1: not an option of 'mad_robustize'; its options are 'mad_scale'\."):
        cpf.normalize(plates, ddof=1)
    with pytest.raises(ColumnError, match=r"by='Metadata_plate': no such column"):
        cpf.normalize(plates, by="Metadata_plate")
    with pytest.raises(ReferenceRowsError, match=r"matches no row"):
        cpf.normalize(plates, reference="Metadata_Role == 'poscon'")


def test_ranks_are_those_of_pycytominer_1_7_1_placed_elsewhere(plates, pycytominer):
    """Its quantile transformer puts rank r of n at (r - 1) / (n - 1), the ends at 5.2; ours at Blom's position."""
    plate = plates[plates["Metadata_Plate"] == "P1"].dropna().assign(Cells_Tied=lambda x: np.arange(len(x)) // 3)
    plate = plate.assign(Cells_Tied=plate["Cells_Tied"] + 0.1 * (plate["Metadata_Role"] != "negcon"))
    names = [*FEATURES, "Cells_Tied"]
    peer = pycytominer.normalize(plate.copy(), method="inverse_normal", samples=NEGCON)[names]
    ours = cpf.normalize(plate, "rank_inverse_normal", reference=NEGCON)[names]
    n = (plate["Metadata_Role"] == "negcon").sum()
    inside = (abs(peer) < 5).to_numpy()
    assert 30 < inside.sum() < inside.size
    ranks = [norm.cdf(peer) * (n - 1) + 1, norm.cdf(ours) * (n + 1 / 4) + 3 / 8]
    np.testing.assert_allclose(ranks[1][inside], ranks[0][inside], rtol=1e-9)
    assert abs(peer.to_numpy()[~inside]).min() > 5.19
    assert abs(ours).max().max() < norm.ppf((n + 1 / 8 + 1e-9) / (n + 1 / 4))


def test_two_calls_give_the_same_ranks_on_many_rows(pycytominer):
    """pycytominer 1.7.1 draws 10,000 rows without a seed."""
    x = np.random.default_rng(0).lognormal(size=20_000)
    wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": "A01", "Cells_a": x})
    ours = [cpf.normalize(wells.sample(frac=1, random_state=i), "rank_inverse_normal").sort_index() for i in (0, 1)]
    pd.testing.assert_frame_equal(*ours)
    peers = [pycytominer.normalize(wells.copy(), method="inverse_normal") for _ in range(2)]
    assert abs(peers[0]["Cells_a"] - peers[1]["Cells_a"]).max() > 0.01


def test_clip_really_clips_and_says_how_much(plates):
    free, clipped = cpf.normalize(plates, reference=NEGCON), cpf.normalize(plates, reference=NEGCON, clip=1.5)
    beyond = int((free[FEATURES].abs() > 1.5).sum().sum())
    assert beyond > 0
    assert clipped[FEATURES].abs().max().max() == 1.5
    pd.testing.assert_frame_equal(clipped[FEATURES], free[FEATURES].clip(-1.5, 1.5))
    assert cpf.ledger(clipped).iloc[-1][["item", "name", "reason", "n"]].tolist() == [
        "value",
        "beyond 1.5",
        "clipped",
        beyond,
    ]
    pd.testing.assert_frame_equal(cpf.normalize(plates, reference=NEGCON, clip=1e6), free)


@pytest.mark.parametrize("clip", [0, -1.0, float("nan")])
def test_a_clip_is_above_0(plates, clip):
    with pytest.raises(InputError, match=r"clip=.*: not a finite number above 0, or None"):
        cpf.normalize(plates, clip=clip)


@pytest.fixture
def few():
    """Five plates of 48 wells, 8 controls on each; nothing is active; plates differ in level."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 400)) + np.repeat(rng.normal(0, 5, size=(5, 400)), 48, axis=0)
    wells = pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(400)])
    wells.insert(0, "Metadata_Plate", np.repeat([f"P{i}" for i in range(5)], 48))
    wells.insert(1, "Metadata_Batch", "B1")
    wells.insert(2, "Metadata_Role", np.tile(np.where(np.arange(48) < 8, "negcon", "treatment"), 5))
    return wells


def beyond_3(scores, unit):
    treated = scores[scores["Metadata_Role"] == "treatment"].filter(like="Cells")
    return float((unit * treated.abs() > 3).to_numpy().mean())


@pytest.mark.parametrize("method", SCALED)
def test_a_scale_pooled_over_plates_with_8_controls_calls_less_than_1_in_100(few, method):
    pooled = cpf.normalize(few, method, reference=NEGCON, pool_scale_by="Metadata_Batch")
    own = cpf.normalize(few, method, reference=NEGCON)
    iqr = 1.3489795 if method == "robustize" else 1.0  # its scale is the interquartile range
    assert beyond_3(pooled, iqr) < 0.01
    assert beyond_3(own, iqr) > 0.02


def test_pooled_scale_keeps_the_convention_of_the_method(few):
    options = {"reference": NEGCON, "pool_scale_by": "Metadata_Batch"}
    usual, jump = (cpf.normalize(few, **options, mad_scale=scale) for scale in (1.4826, 1.0))
    np.testing.assert_allclose(jump.filter(like="Cells"), 1.4826 * usual.filter(like="Cells"), rtol=1e-12)


def test_few_reference_rows_are_a_line_and_no_warning(few):
    told = cpf.ledger(cpf.normalize(few, reference=NEGCON))
    assert told["name"].tolist() == [f"'P{i}'" for i in range(5)]
    assert set(told["n"]) == {8}
    assert set(told["reason"]) == {
        "spread from fewer than 16 reference rows is rough; pool_scale_by pools it over plates"
    }
    assert len(cpf.ledger(cpf.normalize(few, reference=NEGCON, pool_scale_by="Metadata_Batch"))) == 0
    assert len(cpf.ledger(cpf.normalize(few))) == 0
    one = few[few["Metadata_Plate"] == "P0"]
    told = cpf.ledger(cpf.normalize(one, reference=NEGCON, pool_scale_by="Metadata_Batch"))
    assert told["reason"].tolist() == ["spread from fewer than 16 reference rows is rough"]


def test_pools_that_cannot_be_are_refused(few):
    torn = few.assign(Metadata_Batch=np.where(np.arange(240) % 2, "B1", "B2"))
    message = r"pool_scale_by='Metadata_Batch': 5 of 5 groups \('P0', 'P1', 'P2'\) lie in several pools"
    with pytest.raises(InputError, match=message):
        cpf.normalize(torn, reference=NEGCON, pool_scale_by="Metadata_Batch")
    with pytest.raises(InputError, match=r"'rank_inverse_normal' has no scale to pool; 'mad_robustize', 'robustize'"):
        cpf.normalize(few, "rank_inverse_normal", pool_scale_by="Metadata_Batch")
    with pytest.raises(ColumnError, match=r"pool_scale_by='Metadata_batch': no such column"):
        cpf.normalize(few, pool_scale_by="Metadata_batch")


@pytest.mark.parametrize(
    "options", [{"method": method} for method in METHODS] + [{"pool_scale_by": "Metadata_Batch", "clip": 3.0}]
)
def test_order_of_rows_and_columns_and_names_of_groups_do_not_matter(few, options):
    few = few.iloc[:, :23]
    expected = cpf.normalize(few, reference=NEGCON, **options)
    order = np.random.default_rng(0).permutation(len(few))
    moved = few.iloc[order, ::-1]
    moved = moved.assign(Metadata_Plate=moved["Metadata_Plate"].map(lambda name: "x" + name[::-1]))
    found = cpf.normalize(moved, reference=NEGCON, **options).sort_index()
    names = [name for name in few if name.startswith("Cells")]
    pd.testing.assert_frame_equal(found[names], expected[names], rtol=1e-9)
