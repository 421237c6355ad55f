"""The variance of a screen, taken apart."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, LeftAsideWarning
from cellprofiling.kernels.models.variance_components import coefficients, variance_components


def screen(seed, n_features=40, batches=6, plates=4, wells=24, compounds=20):
    """Plates in batches, compounds at random wells, each level with a variance of its own."""
    rng = np.random.default_rng(seed)
    plate = np.repeat(np.arange(batches * plates), wells)
    batch, compound = plate // plates, rng.integers(0, compounds, len(plate))
    x = rng.normal(size=(len(plate), n_features))
    for codes, sd in ((batch, 0.8), (plate, 0.5), (compound, 1.2)):
        x += sd * rng.normal(size=(codes.max() + 1, n_features))[codes]
    frame = pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(n_features)])
    return frame.assign(Metadata_Batch=batch, Metadata_Plate=plate, Metadata_Compound=compound)


LEVELS = ["Metadata_Batch", "Metadata_Plate", "Metadata_Compound"]
TRUE = np.array([0.64, 0.25, 1.44, 1.0]) / 3.33


def test_a_balanced_nested_design_gives_the_analysis_of_variance_of_the_textbook():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 1, 1))[:, [0] * 3][..., [0] * 5] + rng.normal(size=(4, 3, 1)) + rng.normal(size=(4, 3, 5))
    plates, batches = x.mean(axis=2), x.mean(axis=(1, 2))
    residual = ((x - plates[..., None]) ** 2).sum() / (4 * 3 * 4)
    plate = 5 * ((plates - batches[:, None]) ** 2).sum() / (4 * 2)
    batch = 15 * ((batches - x.mean()) ** 2).sum() / 3
    codes = [np.repeat(np.arange(4), 15), np.repeat(np.arange(12), 5)]
    found = variance_components(x.reshape(-1, 1), codes)[:, 0]
    np.testing.assert_allclose(found, [(batch - plate) / 15, (plate - residual) / 5, residual], rtol=1e-10)


def test_one_level_equals_restricted_maximum_likelihood_of_statsmodels():
    import statsmodels.formula.api as smf

    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(12), 6)
    frame = pd.DataFrame({"y": rng.normal(size=12)[codes] + rng.normal(size=72), "g": codes})
    peer = smf.mixedlm("y ~ 1", frame, groups="g").fit(reml=True)
    found = variance_components(frame[["y"]].to_numpy(), [codes])[:, 0]
    np.testing.assert_allclose(found, [float(peer.cov_re.iloc[0, 0]), peer.scale], rtol=1e-4)


def test_coefficients_are_what_the_sums_of_squares_expect():
    """The naive twin writes the matrices out."""
    rng = np.random.default_rng(0)
    levels = [rng.integers(0, 4, 30), rng.integers(0, 7, 30)]
    z = [np.equal.outer(codes, np.unique(codes)).astype(float) for codes in levels] + [np.eye(30)]
    center = np.eye(30) - 1 / 30
    expected = [[((a.T @ center @ b) ** 2).sum() for b in z] for a in z]
    np.testing.assert_allclose(coefficients(levels), expected, rtol=1e-10)


def test_shares_are_those_that_were_put_in():
    found = [cpf.variance_budget(screen(seed), LEVELS)["share"] for seed in range(8)]
    np.testing.assert_allclose(np.mean(found, axis=0), TRUE, atol=0.015)


def test_a_label_of_many_groups_that_means_nothing_has_no_share():
    """Trap: its share of the total sum of squares would be near a half."""
    wells = screen(0, n_features=200)
    wells["Metadata_Random"] = np.random.default_rng(0).integers(0, 300, len(wells))
    found = cpf.variance_budget(wells, [*LEVELS, "Metadata_Random"]).set_index("level")
    assert abs(found.loc["Metadata_Random", "share"]) < 0.005
    assert found.loc["Metadata_Random", "ci_low"] < 0 < found.loc["Metadata_Random", "ci_high"]
    between = wells.groupby("Metadata_Random")["Cells_0"].transform("mean").var() / wells["Cells_0"].var()
    assert between > 0.35


def test_intervals_cover_the_truth():
    covered = []
    for seed in range(30):
        found = cpf.variance_budget(screen(seed, n_features=5, batches=12, plates=2, wells=12), LEVELS)
        covered.append((found["ci_low"] < TRUE) & (found["ci_high"] > TRUE))
    assert np.mean(covered) > 0.8  # of 120, nominally 0.95; variances have skewed estimates


def test_shares_of_features_have_the_mean_of_the_budget_and_add_up_to_one():
    wells = screen(0)
    each = cpf.variance_budget(wells, LEVELS, per_feature=True)
    assert list(each.columns) == ["feature", "level", "share"]
    np.testing.assert_allclose(each.groupby("feature")["share"].sum(), 1)
    mean = each.groupby("level", sort=False)["share"].mean()
    budget = cpf.variance_budget(wells, LEVELS).set_index("level")
    np.testing.assert_allclose(budget["share"], mean[budget.index])
    assert budget["n_groups"].tolist() == [6, 24, 20, 576]
    assert budget.attrs["interval"] == "95%, jackknife: 6 blocks of 6 groups left out in turn"


def test_neither_the_order_of_rows_nor_the_names_of_groups_nor_units_matter():
    wells = screen(1)
    expected = cpf.variance_budget(wells, LEVELS)
    moved = wells.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(cpf.variance_budget(moved, LEVELS), expected, check_exact=True)
    named = wells.assign(**{level: wells[level].map(lambda n: f"g{97 * n % 101}") for level in LEVELS})
    pd.testing.assert_frame_equal(cpf.variance_budget(named, LEVELS), expected, rtol=1e-9)
    scaled = wells.assign(**{name: 1e6 + 1e-3 * wells[name] for name in wells.filter(like="Cells")})
    pd.testing.assert_frame_equal(cpf.variance_budget(scaled, LEVELS), expected, rtol=1e-4, atol=1e-6)


def test_plates_with_the_same_name_in_each_batch():
    wells = screen(0)
    again = wells.assign(Metadata_Plate=wells["Metadata_Plate"] % 4)
    levels = ["Metadata_Batch", ["Metadata_Batch", "Metadata_Plate"], "Metadata_Compound"]
    found = cpf.variance_budget(again, levels)
    assert found["level"].tolist() == [
        "Metadata_Batch",
        "Metadata_Batch x Metadata_Plate",
        "Metadata_Compound",
        "residual",
    ]
    np.testing.assert_allclose(found["share"], cpf.variance_budget(wells, LEVELS)["share"])


def test_many_groups_are_left_out_in_blocks():
    found = cpf.variance_budget(screen(0, batches=30, plates=2, wells=6), LEVELS, unit="Metadata_Plate")
    assert found.attrs["interval"].endswith("jackknife: 50 blocks of 60 groups left out in turn")


def test_where_there_is_no_interval_it_says_why():
    two = cpf.variance_budget(screen(0, batches=2), LEVELS)
    assert two["ci_low"].isna().all()
    assert two.attrs["interval"] == "none: 2 groups to leave out in turn, and at least 3 are needed"
    assert cpf.variance_budget(screen(0, batches=2), LEVELS, unit="Metadata_Plate")["ci_low"].notna().all()
    wells = screen(0, batches=3, plates=2)
    wells["Metadata_Site"] = np.where(wells["Metadata_Batch"] == 0, "x", "y")
    found = cpf.variance_budget(wells, ["Metadata_Site", "Metadata_Plate"], unit="Metadata_Batch")
    assert found.attrs["interval"] == "none: without some group, the levels cannot be told apart"


def test_a_feature_that_does_not_vary_is_left_out_and_written_down():
    wells = screen(0)
    found = cpf.variance_budget(wells.assign(Cells_flat=1.0), LEVELS)
    assert cpf.ledger(found)[["name", "reason"]].to_numpy().tolist() == [["Cells_flat", "no spread"]]
    np.testing.assert_allclose(found["share"], cpf.variance_budget(wells, LEVELS)["share"])


def test_what_cannot_be_told_apart_is_named():
    wells = screen(0).assign(Metadata_Well=np.arange(576), Metadata_One="a")
    wells["Metadata_Barcode"] = wells["Metadata_Plate"].map("B{}".format)
    with pytest.raises(InputError, match=r"'Metadata_Plate' and 'Metadata_Barcode' make the same 24 groups of rows"):
        cpf.variance_budget(wells, ["Metadata_Plate", "Metadata_Barcode"])
    with pytest.raises(InputError, match=r"levels: 'Metadata_One' has one group"):
        cpf.variance_budget(wells, ["Metadata_One"])
    with pytest.raises(InputError, match=r"levels: 'Metadata_Well' has a group for each row"):
        cpf.variance_budget(wells, ["Metadata_Plate", "Metadata_Well"])
    square = wells.iloc[:4].assign(Metadata_A=[0, 0, 1, 1], Metadata_B=[0, 1, 0, 1], Metadata_C=[0, 1, 1, 0])
    with pytest.raises(InputError, match=r"the variances of 'Metadata_A', 'Metadata_B', 'Metadata_C' cannot be told"):
        cpf.variance_budget(square, ["Metadata_A", "Metadata_B", "Metadata_C"])


def test_what_cannot_be_done_is_said():
    wells = screen(0)
    with pytest.raises(InputError, match=r"levels=\[\]: not a list of at least one, each the name"):
        cpf.variance_budget(wells, [])
    with pytest.raises(ColumnError, match=r"levels='Metadata_Run': no such column"):
        cpf.variance_budget(wells, ["Metadata_Run"])
    with pytest.raises(InputError, match=r"confidence=95: not a number between 0 and 1"):
        cpf.variance_budget(wells, LEVELS, confidence=95)
    with pytest.raises(FeatureError, match=r"profiles: none of the 1 features varies"):
        cpf.variance_budget(wells.assign(Cells_0=1.0), LEVELS, features=["Cells_0"])
    with pytest.raises(FeatureError, match=r"features 'Cells_0' have missing values"):
        cpf.variance_budget(wells.assign(Cells_0=np.nan), LEVELS)


@pytest.mark.real
def test_four_plates_of_the_dye_screen(real_data):
    """Uncorrected, the nearest neighbor of a well is on its plate; yet plates make a small share of the variance."""
    folder = real_data("cdot_dyes_jumpmoa") / "profiles_batch_level"
    files = sorted(folder.glob("*feature_select_negcon_batch.csv.gz"))
    wells = pd.concat([cpf.read_profiles(file) for file in files], join="inner", ignore_index=True)
    wells = wells[wells["Metadata_control_type"] != "negcon"]
    compound = "Metadata_Common Name"
    levels = ["Metadata_Plate", "Metadata_MoA", compound, "Metadata_Well", ["Metadata_Plate", compound]]
    with pytest.warns(LeftAsideWarning, match="61 number columns left aside: 'Image_Granularity_10_DNA'"):
        found = cpf.variance_budget(wells, levels)
    np.testing.assert_allclose(found["share"], [0.030, 0.164, 0.427, 0.037, 0.118, 0.223], atol=1e-3)
    assert found["share"].sum() == pytest.approx(1)
    assert found["n_groups"].tolist() == [4, 47, 90, 360, 360, 1439]
