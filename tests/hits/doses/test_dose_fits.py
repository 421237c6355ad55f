"""Dose series: calibrated trends, curves where they were planted, intervals that cover, words for what is unknown."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, ReferenceRowsError
from cellprofiling.hits.doses import response as doses_response
from tests.chance import ERROR, allowed, sharing

ASKED = {"by": "Metadata_Compound", "dose": "Metadata_Dose", "reference": "Metadata_Compound == 'DMSO'"}
DOSES = np.round(10 / 3.0 ** np.arange(5, -1, -1), 4)


def series(
    seed=0,
    *,
    n=20,
    n_plates=3,
    n_controls=16,
    n_same=1,
    doses=DOSES,
    top=0.0,
    n_features=None,
    scaled_to_controls=True,
    ec50=None,
):
    """Return wells of compounds with a planted curve, its EC50 and its slope; one value, or correlated features."""
    rng = np.random.default_rng(seed)
    ec50 = 10 ** rng.uniform(*np.sort(np.log10(doses[[1, -2]])), n) if ec50 is None else np.full(n, ec50)
    hill = rng.uniform(0.9, 2.0, n)
    p = n_features or 1
    mix = np.eye(p) * 0.5 + rng.normal(size=(p, p)) / np.sqrt(p) if n_features else np.eye(1)
    way = rng.normal(size=(n, p)) if n_features else np.ones((n, 1))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    frames = []
    for plate in range(n_plates):
        controls = n_controls if isinstance(n_controls, int) else n_controls[plate]
        who = np.r_[np.full(controls, -1), np.repeat(np.arange(n), len(doses) * n_same)]
        dose = np.r_[np.zeros(controls), np.tile(np.repeat(doses, n_same), n)]
        x = rng.normal(size=(len(who), p))
        treated = who >= 0
        share = 1 / (1 + (ec50[who[treated]] / dose[treated]) ** hill[who[treated]])
        x[treated] += top * share[:, None] * way[who[treated]]
        x = x @ mix + rng.normal(size=p) * 2
        if scaled_to_controls and n_features:
            x = (x - x[~treated].mean(axis=0)) / x[~treated].std(axis=0)
        names = [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(p)]
        metadata = {
            "Metadata_Plate": f"P{plate}",
            "Metadata_Compound": [f"c{i:03d}" if i >= 0 else "DMSO" for i in who],
            "Metadata_Dose": dose,
        }
        frames.append(pd.concat([pd.DataFrame(metadata), pd.DataFrame(x, columns=names)], axis=1))
    return pd.concat(frames, ignore_index=True), ec50, hill


ONE = "Cells_Texture_Contrast_DNA_0_00_256"


def fitted(wells, response=ONE, **options):
    return cpf.fit_doses(wells, response=response, **ASKED, **options)


def null_p_values(response, n_screens, **design):
    options = {"permutations": 999, "bootstraps": 0}
    features = None if response == ONE else design.pop("n_features", 30)
    screens = [series(500 + i, n=12, n_features=features, **design)[0] for i in range(n_screens)]
    return np.concatenate([fitted(wells, response, **options)["trend_p_value"] for wells in screens])


# Calibration


@pytest.mark.parametrize(
    ("response", "design"),
    [
        (ONE, {"n_plates": 3, "n_controls": 16}),
        (ONE, {"n_plates": 3, "n_controls": [16, 5, 9], "n_same": 2}),
        ("distance", {"n_plates": 2, "n_controls": 24, "n_features": 60}),
        ("projection", {"n_plates": 3, "n_controls": 16, "n_features": 60}),
        ("projection", {"n_plates": 1, "n_controls": 32, "n_features": 20}),
        ("projection", {"n_plates": 4, "n_controls": [24, 12, 16, 24], "n_features": 100}),
    ],
)
def test_without_effect_five_in_a_hundred_have_a_trend(response, design):
    p = null_p_values(response, 40, **design)
    alike = sharing(12, np.mean(design["n_controls"]), len(DOSES) * design.get("n_same", 1))
    low, high = allowed(len(p), alike=alike)
    assert low <= (p <= 0.05).mean() <= high
    assert (p <= 0.001).mean() <= allowed(len(p), 0.001, alike)[1]
    assert kstest(p[p < 1], "uniform").pvalue > ERROR if response == ONE else True


def measured_by_itself(x, plates, is_control):
    """Give all wells at once, measured with all controls: what must not be done."""
    from functools import partial

    residuals = doses_response.centered(x[is_control], plates[is_control])
    white = doses_response.fit_whitening(residuals, correlation=True, rotate_back=True, shrinkage=None)
    everything = np.ones(len(x), dtype=bool)
    yield everything, is_control, partial(doses_response._weighted, white, np.arange(x.shape[1]))


@pytest.mark.parametrize(("response", "at_least"), [("distance", 0.5), ("projection", 0.1)])
def test_controls_measured_by_themselves_make_trends_of_nothing(response, at_least, monkeypatch):
    monkeypatch.setattr(doses_response, "_metrics", measured_by_itself)
    p = null_p_values(response, 15, n_plates=3, n_controls=16, n_features=100)
    assert (p <= 0.05).mean() > at_least


def test_scaling_to_controls_does_no_harm_because_all_wells_scale_again(monkeypatch):
    design = {"n_plates": 3, "n_controls": 8, "n_features": 40}
    monkeypatch.setattr(doses_response, "scale_by_plate", lambda x, plate: x)
    assert (null_p_values("distance", 15, **design) <= 0.05).mean() > 0.2
    monkeypatch.undo()
    assert (null_p_values("distance", 15, **design) <= 0.05).mean() <= allowed(180, alike=sharing(12, 8, len(DOSES)))[1]


def test_few_wells_are_enumerated_and_their_floor_is_said():
    wells, *_ = series(n=2, n_plates=1, n_controls=3, doses=np.array([1.0, 3.0, 9.0]))
    fits = fitted(wells)
    assert fits["p_floor"].tolist() == [1 / 120] * 2
    assert (fits["trend_p_value"] * 120 % 1).round(6).isin([0, 1]).all()
    assert (fits["null_scheme"].str.startswith("all 120 arrangements")).all()
    wells, *_ = series(n=2, n_plates=1, n_controls=2, doses=np.array([1.0, 3.0]))
    assert (fitted(wells)["flag"] == "too few wells for a trend test").all()


# Truth


def test_planted_potencies_of_one_value_are_found():
    wells, ec50, _ = series(1, n=60, top=8.0)
    fits = fitted(wells, bootstraps=0, permutations=999)
    assert (fits["trend_p_value"] == 0.001).all()
    assert np.log10(fits["ec50"] / ec50).abs().median() < 0.15
    assert fits["ec50"].notna().mean() > 0.9


def test_planted_potencies_of_profiles_are_found_by_projection():
    wells, ec50, _ = series(2, n=40, top=9.0, n_features=40, n_controls=32)
    fits = fitted(wells, "projection", bootstraps=0, permutations=999)
    error = np.log10(fits["ec50"] / ec50)
    assert (fits["trend_p_value"] <= 0.05).mean() > 0.95
    assert error.abs().median() < 0.15
    assert abs(error.median()) < 0.08


def plain_distances(profiles, layout, features=None):
    """Return distances as they are, the noise in them."""
    x, plates, is_control, order = doses_response._canonical(profiles, layout, features)
    found = np.full(len(x), np.nan)
    for inside, fitted, metric in doses_response._metrics(x, plates, is_control):
        for rows, beside in doses_response._plates_of(inside, fitted, plates):
            away = x[rows] - x[beside].mean(axis=0)
            found[rows] = np.sqrt(np.einsum("ij,ij->i", away, metric(away)))
    return doses_response.Response(doses_response._back(found, order), None)


def test_the_noise_in_a_distance_is_taken_out_or_it_hides_low_doses(monkeypatch):
    wells, ec50, _ = series(2, n=40, top=9.0, n_features=40, n_controls=32)
    error = np.log10(fitted(wells, "distance", bootstraps=0, permutations=999)["ec50"] / ec50)
    assert error.abs().median() < 0.15
    assert abs(error.median()) < 0.12
    monkeypatch.setitem(doses_response.RESPONSES, "distance", plain_distances)
    plain = np.log10(fitted(wells, "distance", bootstraps=0, permutations=999)["ec50"] / ec50)
    assert plain.median() > error.median() + 0.08


def test_controls_lie_about_no_distance():
    wells, *_ = series(4, n=2, n_plates=2, n_features=30, n_controls=40)
    treated = cpf.dose_responses(wells, response="distance", **ASKED)["response"]
    assert abs(treated.mean()) < 1.5  # where the plain distance is about 5
    assert (treated < 0).any()


def test_planted_potencies_of_a_simulated_screen_are_found():
    screen = cpf.simulate_screen(
        "easy", seed=1, plates=3, compounds=16, doses=[0.03, 0.1, 0.3, 1, 3, 10], controls=32, cells_per_well=40,
        features=60,
    )  # fmt: skip
    wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    asked = {"by": "Metadata_Compound", "dose": "Metadata_Dose", "reference": "Metadata_Role == 'negcon'"}
    fits = cpf.fit_doses(wells, **asked, permutations=999, bootstraps=0).set_index("Metadata_Compound")
    truth = screen.truth.compounds.set_index("Metadata_Compound").loc[fits.index]
    active = truth["active"].to_numpy()
    assert (fits["trend_q_value"] <= 0.05)[active].mean() > 0.9
    assert np.log10(fits["ec50"] / truth["ec50"])[active].abs().median() < 0.15


def coverage(fits, truth, name):
    known = fits["model"].isin(["3pl", "4pl"])
    inside = (fits[f"{name}_ci_low"] <= truth) & (truth <= fits[f"{name}_ci_high"])
    return inside[known].mean()


def coverages(n, top, **design):
    wells, ec50, hill = series(3, n=n, top=top, n_controls=32, **design)
    fits = fitted(wells, permutations=199)
    share = 1.349 / top
    bmc = ec50 * (share / (1 - share)) ** (1 / hill)
    return [coverage(fits, truth, name) for truth, name in ((ec50, "ec50"), (bmc, "bmc"), (hill, "hill"), (top, "top"))]


def test_intervals_cover():
    assert all(0.85 <= share <= 1 for share in coverages(80, 8.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("top", "design"), [(5.0, {}), (8.0, {}), (20.0, {}), (8.0, {"n_plates": 2, "n_same": 2}), (8.0, {"n_plates": 1})]
)
def test_intervals_cover_as_often_as_they_say(top, design):
    assert all(0.90 <= share <= 0.98 for share in coverages(1000, top, **design))


# Words


def profile_of(heights, *, n=3, noise=0.2, seed=0, n_controls=24, doses=DOSES):
    """Return one compound with these mean responses."""
    rng = np.random.default_rng(seed)
    dose = np.r_[np.zeros(n_controls), np.repeat(doses[: len(heights)], n)]
    y = np.r_[np.zeros(n_controls), np.repeat(heights, n)] + noise * rng.normal(size=len(dose))
    compound = np.where(dose > 0, "a", "DMSO")
    return pd.DataFrame({"Metadata_Plate": "P", "Metadata_Compound": compound, "Metadata_Dose": dose, ONE: y})


@pytest.mark.parametrize(
    ("heights", "word"),
    [
        ([0, 0, 0, 0, 0, 0], "no trend"),
        ([0, 0, 4], "too few doses"),
        ([0, 0, 0, 0.1, 0.4, 1.2], "ec50 above the highest dose (extrapolated)"),
        ([2.6, 3.6, 4, 4, 4, 4], "bmc below the lowest dose (extrapolated)"),
        ([4, 4, 4, 4, 4, 4], "a constant fits as well; bmc below the lowest dose"),
        ([0, 0, 4, 4, 0.5, 0], "non-monotone"),
        ([0, 0, 0, 2, 4, 4], ""),
        ([0, 0, 0, -2, -4, -4], ""),
    ],
)
def test_what_cannot_be_said_is_said(heights, word):
    fits = fitted(profile_of(heights), permutations=999)
    assert word in fits["flag"][0]
    assert bool(word) == bool(fits["flag"][0])


def test_a_benchmark_that_is_not_reached_is_said():
    wells = profile_of([0, 0, 0, 0.2, 0.22, 0.2], n=12, n_controls=60)
    fits = fitted(wells, permutations=999)
    assert fits["bmc"].isna().all()
    assert "bmc above the highest dose" in fits["flag"][0]
    assert fits["ec50"].notna().all()


def test_a_fall_has_its_own_direction_and_a_distance_has_none():
    fits = fitted(profile_of([0, 0, 0, -2, -4, -4]))
    assert fits["direction"].tolist() == ["down"]
    assert fits["top"][0] == pytest.approx(-4, abs=0.4)
    assert fits["top_ci_low"][0] <= fits["top"][0] <= fits["top_ci_high"][0]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=4, max_size=6), st.integers(0, 99), st.integers(1, 3))
def test_no_potency_lies_outside_the_doses_without_a_word(heights, seed, n):
    fits = fitted(profile_of(np.array(heights), seed=seed, n=n), permutations=99, bootstraps=40).iloc[0]
    for name in ("ec50", "bmc"):
        if np.isnan(fits[name]):
            assert fits["flag"]
        else:
            assert fits["lowest_dose"] * 0.999 <= fits[name] <= fits["highest_dose"] * 1.001
            for end in (fits[f"{name}_ci_low"], fits[f"{name}_ci_high"]):
                assert end in (0, np.inf) or fits["lowest_dose"] * 0.999 <= end <= fits["highest_dose"] * 1.001


def test_the_benchmark_is_where_the_curve_leaves_the_controls_by_their_spread():
    fits = fitted(profile_of([0, 0.5, 1, 2, 4, 4])).iloc[0]
    height = fits["bottom"] + (fits["top"] - fits["bottom"]) / (1 + (fits["midpoint"] / fits["bmc"]) ** fits["hill"])
    assert height == pytest.approx(1.349 * fits["control_sd"])


# What changes nothing


@pytest.mark.parametrize("response", [ONE, "projection", "distance"])
def test_rows_columns_and_names_change_nothing(response):
    wells, *_ = series(4, n=5, top=6.0, n_features=12)
    options = {"permutations": 199, "bootstraps": 30}
    fits = fitted(wells, response, **options)
    shuffled = wells.sample(frac=1, random_state=1)
    features = [name for name in wells.columns if name.startswith("Cells")]
    shuffled = shuffled[[*shuffled.columns[:3], *features[::-1]]]
    shuffled["Metadata_Plate"] = shuffled["Metadata_Plate"].map({"P0": "z", "P1": "b", "P2": "k"})
    pd.testing.assert_frame_equal(fits, fitted(shuffled, response, **options), check_exact=True)
    renamed = wells.replace({"Metadata_Compound": {f"c{i:03d}": f"c{9 - i:03d}" for i in range(5)}})
    again = fitted(renamed, response, **options)[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(fits.iloc[:, 1:], again.iloc[:, 1:], check_exact=True)


def test_the_table_is_not_changed_and_its_ledger_travels():
    wells, *_ = series(n=3, top=5.0)
    wells.loc[[0, 20], ONE] = np.nan
    before = wells.copy()
    fits = fitted(wells, permutations=99, bootstraps=0)
    pd.testing.assert_frame_equal(wells, before)
    line = cpf.ledger(fits).iloc[-1]
    assert line.tolist() == ["fit_doses", "well", ONE, "no response", 2]
    assert fits["n_wells"].sum() == 3 * 18 - 1
    assert fits.filter(like="_ci_").isna().all(axis=None)


@pytest.mark.parametrize("response", [ONE, "projection", "distance"])
def test_means_of_a_million_and_spreads_of_a_thousandth(response):
    wells, *_ = series(5, n=4, top=8.0, n_features=6)
    features = [name for name in wells.columns if name.startswith("Cells")]
    large = wells.copy()
    large[features] = 1e6 + 1e-3 * wells[features]
    options = {"permutations": 199, "bootstraps": 0}
    fits, again = fitted(wells, response, **options), fitted(large, response, **options)
    assert again["model"].tolist() == fits["model"].tolist()
    assert np.allclose(np.log10(again["ec50"]), np.log10(fits["ec50"]), atol=1e-3, equal_nan=True)


def test_a_constant_response_has_no_trend_and_a_constant_feature_no_weight():
    wells, *_ = series(6, n=3, top=8.0, n_features=6)
    flat = fitted(wells.assign(flat=1e6 + 0.1), "flat", permutations=99)
    assert (flat["trend_p_value"] == 1).all()
    with_constant = wells.assign(Cells_AreaShape_Area=1e6 + 0.1)
    options = {"permutations": 99, "bootstraps": 0}
    fits, again = fitted(wells, "projection", **options), fitted(with_constant, "projection", **options)
    assert np.allclose(np.log10(again["ec50"]), np.log10(fits["ec50"]), atol=0.1, equal_nan=True)


def test_missing_values_of_profiles_count_as_the_middle_of_the_plate():
    wells, *_ = series(6, n=3, top=8.0, n_features=6)
    wells.loc[5, ONE] = np.nan
    fits = fitted(wells, "projection", permutations=99, bootstraps=0)
    assert fits["trend_p_value"].notna().all()
    assert fits["n_controls"].tolist() == [48] * 3


def test_single_wells_at_each_dose_have_intervals():
    wells, *_ = series(7, n=20, n_plates=1, top=12.0, n_controls=32)
    fits = fitted(wells, permutations=199)
    known = fits["model"].isin(["3pl", "4pl"])
    assert known.any()
    assert (fits["ec50_ci_high"] > fits["ec50_ci_low"])[known].all()


def test_a_compound_of_one_well_has_no_projection():
    wells, *_ = series(n=2, n_plates=1, n_features=5, doses=np.array([1.0, 3.0, 9.0]))
    alone = wells[(wells["Metadata_Compound"] != "c000") | (wells["Metadata_Dose"] == 9)]
    fits = fitted(alone, "projection", permutations=99)
    assert fits["flag"][0] == "too few wells for a projection"
    assert np.isnan(fits["trend_p_value"][0])
    assert np.isnan(fits["trend_q_value"][0])
    responses = cpf.dose_responses(alone, **ASKED)
    assert responses["response"].isna().tolist() == [True, False, False, False]


# Responses of wells


def test_responses_are_what_is_fitted():
    wells, *_ = series(8, n=4, top=6.0, n_features=8)
    responses = cpf.dose_responses(wells, **ASKED, response=ONE)
    treated = wells["Metadata_Compound"] != "DMSO"
    centers = wells[~treated].groupby("Metadata_Plate")[ONE].mean()
    expected = wells.loc[treated, ONE] - wells.loc[treated, "Metadata_Plate"].map(centers)
    assert np.allclose(responses["response"], expected)
    assert responses.columns.tolist() == ["Metadata_Plate", "Metadata_Compound", "Metadata_Dose", "response"]
    projections = cpf.dose_responses(wells, **ASKED)
    fits = fitted(wells, "projection", permutations=99, bootstraps=0)
    highest = projections[projections["Metadata_Dose"] == 10].groupby("Metadata_Compound")["response"].mean()
    curve = fits.set_index("Metadata_Compound")
    fitted_there = curve["bottom"] + (curve["top"] - curve["bottom"]) / (1 + (curve["midpoint"] / 10) ** curve["hill"])
    known = curve["model"].isin(["3pl", "4pl"])
    assert known.any()
    assert np.allclose(highest[known], fitted_there[known], atol=2)
    assert fits["control_sd"].tolist() == pytest.approx([1.0] * 4)  # projections are in these units
    shuffled = cpf.dose_responses(wells.sample(frac=1, random_state=2), **ASKED)
    pd.testing.assert_frame_equal(shuffled.sort_index(), projections, check_exact=True)


# Refusals


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        ({}, {"response": "distanse"}, InputError, r"response='distanse'.*Did you mean 'distance'"),
        ({}, {"response": "Metadata_Plate"}, FeatureError, r"not a column of numbers"),
        ({"bad": np.inf}, {"response": "bad"}, FeatureError, r"66 values are infinite"),
        ({"Metadata_Dose": 0}, {}, ColumnError, r"dose='Metadata_Dose': 18 of 18 treated wells hold 0"),
        ({"Metadata_Dose": "high"}, {}, ColumnError, r"'high' .*cannot be read as a number and a unit"),
        ({}, {"by": ["Metadata_Compound", "Metadata_Dose"]}, ColumnError, r"holds the dose column"),
        ({}, {"reference": None}, ReferenceRowsError, r"all 66 wells are controls"),
        ({}, {"alpha": 0}, InputError, r"alpha=0: not a number between 0 and 1"),
        ({}, {"confidence": 95}, InputError, r"confidence=95: not a number between 0 and 1"),
        ({}, {"permutations": 0}, InputError, r"permutations=0: not a whole number of at least 1"),
        ({}, {"bootstraps": -1}, InputError, r"bootstraps=-1: not a whole number of at least 0"),
        ({ONE: 1.0}, {"response": "projection"}, FeatureError, r"no feature varies among the controls"),
        ({}, {"dose": "Metadata_dose"}, ColumnError, r"Did you mean 'Metadata_Dose'"),
    ],
)
def test_refusals(change, options, error, match):
    wells, *_ = series(n=1)
    with pytest.raises(error, match=match):
        cpf.fit_doses(wells.assign(**change), **({"response": ONE} | ASKED | options))


def test_a_response_that_controls_lack_is_refused():
    wells, *_ = series(n=1)
    wells.loc[wells["Metadata_Compound"] == "DMSO", ONE] = np.nan
    with pytest.raises(InputError, match="a value for no control"):
        fitted(wells)


def test_profiles_whitened_on_the_controls_are_refused():
    wells, *_ = series(n=4, n_features=60, n_controls=16)
    whitened = cpf.whiten(wells, reference=ASKED["reference"])
    for response in ("projection", "distance"):
        with pytest.raises(FeatureError, match="as after a whitening on them"):
            fitted(whitened, response)
    assert len(fitted(whitened, ONE, permutations=99)) == 4
