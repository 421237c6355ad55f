"""Whitened profiles."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import FeatureError, InputError, ReferenceRowsError
from tests.builders import NEGCON

METHODS = ("pca", "zca", "pca_cor", "zca_cor")


def screen(n=120, d=6, *, offset=1e6, seed=0):
    """Return wells of two batches, half of them controls, the second batch shifted and stretched."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ (np.eye(d) + 0.5 * rng.normal(size=(d, d)))
    batch = np.arange(n) % 2
    x = offset + (x * [[1.0], [1.5]][0] if d == 1 else x * np.array([1.0, 1.5])[batch][:, None]) + 3.0 * batch[:, None]
    wells = pd.DataFrame(x, columns=[f"Cells_Texture_Variance_{i}" for i in range(d)])
    wells.insert(0, "Metadata_Batch", np.array(["B1", "B2"])[batch])
    wells.insert(1, "Metadata_Role", np.where(np.arange(n) % 4 < 2, "negcon", "treatment"))
    return wells


def controls(table, batch=None):
    """Return the feature values of the controls."""
    rows = table["Metadata_Role"] == "negcon"
    if batch is not None:
        rows &= table["Metadata_Batch"] == batch
    return table.loc[rows].filter(regex="^(Cells|PC)").to_numpy()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_controls_have_covariance_one(method, offset):
    whitened = cpf.whiten(screen(offset=offset), method, reference=NEGCON, shrinkage=0)
    assert np.abs(np.cov(controls(whitened).T) - np.eye(6)).max() <= 1e-6
    np.testing.assert_allclose(controls(whitened).mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_no_shrinkage_is_none_or_zero(method):
    wells = screen()
    pd.testing.assert_frame_equal(cpf.whiten(wells, method, shrinkage=None), cpf.whiten(wells, method, shrinkage=0))


def test_full_shrinkage_only_scales():
    wells = screen()
    whitened = cpf.whiten(wells, "zca_cor", shrinkage=1.0)
    standardized = cpf.normalize(wells, "standardize", by=None, ddof=1)
    pd.testing.assert_frame_equal(whitened, standardized)


@pytest.mark.parametrize("method", [*METHODS, "tvn"])
def test_neither_rows_nor_columns_nor_names_of_groups_matter_to_the_last_bit(method):
    wells = screen()
    by = "Metadata_Batch" if method == "tvn" else None
    expected = cpf.whiten(wells, method, reference=NEGCON, by=by)
    other = wells.sample(frac=1, random_state=1)
    other = other[list(np.random.default_rng(0).permutation(other.columns))]
    other["Metadata_Batch"] = other["Metadata_Batch"].map({"B1": "Z", "B2": "A"})
    found = cpf.whiten(other, method, reference=NEGCON, by=by)
    names = [name for name in expected if not name.startswith("Metadata_")]
    pd.testing.assert_frame_equal(found.loc[expected.index, names], expected[names], check_exact=True)


def test_sizes_at_which_a_matrix_product_depends_on_the_place_of_a_row():
    wells = screen(n=333, d=301, offset=0.0)
    shuffled = wells.sample(frac=1, random_state=3)
    found = cpf.whiten(shuffled, reference=NEGCON).loc[wells.index]
    pd.testing.assert_frame_equal(found, cpf.whiten(wells, reference=NEGCON), check_exact=True)


def test_the_table_keeps_its_rows_metadata_order_and_kind_of_numbers():
    wells = screen(offset=10).astype({f"Cells_Texture_Variance_{i}": np.float32 for i in range(6)})
    wells.index = [f"row{i}" for i in range(len(wells))]
    before = wells.copy()
    whitened = cpf.whiten(wells, reference=NEGCON)
    pd.testing.assert_frame_equal(wells, before)
    assert list(whitened) == list(wells)
    pd.testing.assert_frame_equal(whitened.filter(like="Metadata"), wells.filter(like="Metadata"))
    assert (whitened.filter(like="Cells").dtypes == np.float32).all()


def test_each_group_is_whitened_by_its_own_controls():
    wells = screen()
    whitened = cpf.whiten(wells, reference=NEGCON, by="Metadata_Batch", shrinkage=0)
    for batch in ("B1", "B2"):
        alone = cpf.whiten(wells[wells["Metadata_Batch"] == batch], reference=NEGCON, shrinkage=0)
        pd.testing.assert_frame_equal(whitened[whitened["Metadata_Batch"] == batch], alone, check_exact=True)


def test_tvn_leaves_batches_the_same_controls():
    whitened = cpf.whiten(screen(n=2000), "tvn", by="Metadata_Batch", reference=NEGCON, shrinkage=0)
    for batch in ("B1", "B2"):
        rows = controls(whitened, batch)
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(np.cov(rows.T), np.eye(6), atol=1e-6)


def test_tvn_is_its_formula():
    """Whiten by all controls, center on those of the batch, multiply by their shrunk covariance to the power -1/2."""
    wells = screen(n=200)
    aligned = cpf.whiten(wells, "tvn", by="Metadata_Batch", reference=NEGCON, shrinkage=0.3)
    common = cpf.whiten(wells, "pca_cor", reference=NEGCON, shrinkage=0.3)
    for batch in ("B1", "B2"):
        rows = common.loc[common["Metadata_Batch"] == batch].filter(like="PC").to_numpy()
        reference = controls(common, batch)
        covariance = np.cov(reference.T)
        covariance = 0.7 * covariance + 0.3 * np.trace(covariance) / 6 * np.eye(6)
        values, vectors = np.linalg.eigh(covariance)
        expected = (rows - reference.mean(axis=0)) @ (vectors / np.sqrt(values)) @ vectors.T
        found = aligned.loc[aligned["Metadata_Batch"] == batch].filter(like="PC").to_numpy()
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_tvn_as_published_would_leave_the_batch_means():
    """The published steps, on a table that was not standardized by plate: whiten all, then scale each batch."""
    wells = screen(n=2000)
    whitened = cpf.whiten(wells, "pca_cor", reference=NEGCON, shrinkage=0)
    aligned = cpf.whiten(wells, "tvn", by="Metadata_Batch", reference=NEGCON)
    apart = {
        name: np.linalg.norm(controls(table, "B1").mean(axis=0) - controls(table, "B2").mean(axis=0))
        for name, table in {"whitened": whitened, "aligned": aligned}.items()
    }
    assert apart["whitened"] > 1
    assert apart["aligned"] < 1e-6


def test_features_without_spread_are_dropped_with_a_line():
    wells = screen().assign(Cells_b=4.0, Cells_a=1e6 + 0.1)
    whitened = cpf.whiten(wells, reference=NEGCON)
    assert list(whitened) == list(screen())
    lines = cpf.ledger(whitened)
    assert lines["name"].tolist() == ["Cells_a", "Cells_b"]
    assert set(lines["reason"]) == {"no spread in the reference"}
    with pytest.raises(FeatureError, match=r"'Cells_b', 'Cells_a' have no spread in the reference, so there is noth"):
        cpf.whiten(wells, features=["Cells_b", "Cells_a"])


def test_few_controls_are_whitened_shrunk_and_said_so():
    wells = screen(n=40, d=30)
    whitened = cpf.whiten(wells, reference=NEGCON)
    (line,) = cpf.ledger(whitened).to_dict("records")
    assert (line["item"], line["n"]) == ("reference", 20)
    assert line["reason"].startswith("20 rows for 30 features: covariance shrunk by 0.")
    assert np.isfinite(whitened.filter(like="Cells").to_numpy()).all()


def test_components_beyond_the_controls_are_left_out_and_said_so():
    whitened = cpf.whiten(screen(n=40, d=30), "pca_cor", reference=NEGCON)
    assert [name for name in whitened if name.startswith("PC")] == [f"PC{i + 1}" for i in range(19)]
    assert cpf.ledger(whitened).iloc[-1][["item", "n"]].tolist() == ["component", 11]


def test_between_one_and_two_times_the_features_bare_whitening_works_with_a_line():
    whitened = cpf.whiten(screen(n=80, d=30), reference=NEGCON, shrinkage=0)
    assert cpf.ledger(whitened)["reason"].tolist() == ["40 rows for 30 features: not shrunk: noise is amplified"]


def test_bare_whitening_of_too_few_controls_is_refused_with_the_numbers():
    with pytest.raises(ReferenceRowsError, match=r"matches 20 rows for 30 features, and at least 31 \(one more"):
        cpf.whiten(screen(n=40, d=30), reference=NEGCON, shrinkage=0)
    wells = screen().assign(Cells_sum=lambda table: table.filter(like="Cells").sum(axis=1))
    with pytest.raises(ReferenceRowsError, match=r"60 rows spread in only 6 of 7 directions"):
        cpf.whiten(wells, reference=NEGCON, shrinkage=0)


def test_one_control_is_refused():
    wells = screen()
    with pytest.raises(ReferenceRowsError, match=r"a mask: matches 1 row for 6 features, and at least 2 to measure"):
        cpf.whiten(wells, reference=np.arange(len(wells)) == 0)
    few = (wells["Metadata_Batch"] == "B1") | (np.arange(len(wells)) == 1)
    with pytest.raises(ReferenceRowsError, match=r"matches 1 row of Metadata_Batch 'B2' for 6 features"):
        cpf.whiten(wells, "tvn", by="Metadata_Batch", reference=few)


def test_controls_of_a_batch_that_are_all_the_same_are_refused():
    wells = screen()
    wells.loc[wells["Metadata_Batch"] == "B2", [f"Cells_Texture_Variance_{i}" for i in range(6)]] = 1e6
    with pytest.raises(FeatureError, match=r"all 30 reference rows of Metadata_Batch 'B2' are equal"):
        cpf.whiten(wells, "tvn", by="Metadata_Batch", reference=NEGCON)


def test_what_cannot_be_asked_for():
    wells = screen()
    with pytest.raises(InputError, match=r"method='zca-cor': choose one of 'zca_cor', .* Did you mean 'zca_cor'"):
        cpf.whiten(wells, "zca-cor")
    for shrinkage in (-0.1, 1.5, True and "some", [0.1]):
        with pytest.raises(InputError, match=r"shrinkage="):
            cpf.whiten(wells, shrinkage=shrinkage)
    with pytest.raises(InputError, match=r"by=None: 'tvn' aligns batches; name their columns"):
        cpf.whiten(wells, "tvn")
    with pytest.raises(
        InputError, match=r"by='Metadata_Batch': the components of 'pca_cor' are other axes .*'zca_cor'"
    ):
        cpf.whiten(wells, "pca_cor", by="Metadata_Batch")
    with pytest.raises(FeatureError, match=r"have missing values"):
        cpf.whiten(wells.assign(Cells_gap=np.nan))


@pytest.mark.parametrize(
    ("method", "by"), [("zca_cor", None), ("pca", None), ("zca", "Metadata_Batch"), ("tvn", "Metadata_Batch")]
)
def test_a_fit_knows_its_groups_and_comes_back_from_its_file(tmp_path, method, by):
    wells = screen(n=40, d=30)
    fit = cpf.fit_whitening(wells, method, by=by, reference=NEGCON)
    again = cpf.load_fit(fit.save(tmp_path / "fit.json"))
    expected = cpf.whiten(wells, method, by=by, reference=NEGCON)
    pd.testing.assert_frame_equal(again.apply(wells), expected, check_exact=True)
    treated = wells[wells["Metadata_Role"] == "treatment"]  # the record needs no controls beside them
    pd.testing.assert_frame_equal(again.apply(treated), expected.loc[treated.index], rtol=1e-10)


def test_a_new_batch_is_centered_on_its_own_controls_in_the_common_space():
    """Controls of B3 end at 0 with covariance one; the common map is that of B1 and B2, B3 has no say in it."""
    wells = screen(n=2000)
    new = screen(n=600, seed=7).assign(Metadata_Batch="B3")
    new[[f"Cells_Texture_Variance_{i}" for i in range(6)]] *= 1.1
    fit = cpf.fit_whitening(wells, "tvn", by="Metadata_Batch", reference=NEGCON, shrinkage=0)
    placed = fit.apply(new)
    np.testing.assert_allclose(controls(placed).mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(controls(placed).T), np.eye(6), atol=1e-6)
    assert fit.keys == [("B1",), ("B2",)]
    both = fit.apply(pd.concat([wells, new], ignore_index=True))
    pd.testing.assert_frame_equal(both.iloc[:2000], fit.apply(wells), check_exact=True)


def test_a_mask_says_nothing_about_a_new_batch():
    wells = screen()
    fit = cpf.fit_whitening(wells, "tvn", by="Metadata_Batch", reference=wells["Metadata_Role"] == "negcon")
    with pytest.raises(ReferenceRowsError, match=r"no fit for the rows of Metadata_Batch 'B3', and the reference"):
        fit.apply(wells.assign(Metadata_Batch="B3"))


def test_a_feature_without_spread_in_a_new_group_is_refused():
    wells = screen()
    fit = cpf.fit_whitening(wells, "zca", by="Metadata_Batch", reference=NEGCON)
    with pytest.raises(
        FeatureError, match=r"'Cells_Texture_Variance_2' have no spread in the reference of Metadata_Ba"
    ):
        fit.apply(wells.assign(Metadata_Batch="B3", Cells_Texture_Variance_2=1.0))


PEER = {"pca": "PCA", "zca": "ZCA", "pca_cor": "PCA-cor", "zca_cor": "ZCA-cor"}


@pytest.mark.parametrize("method", METHODS)
def test_pycytominer_1_7_1_gives_the_same(pycytominer, method):
    """Without its epsilon. Its "-cor" methods divide by the standard deviation with n, which the n - 1 of the later
    factor does not see; components may have the other sign."""
    wells = screen(offset=100.0)
    features = [name for name in wells if name.startswith("Cells")]
    peer = pycytominer.normalize(
        wells, features=features, samples=NEGCON, method="spherize", spherize_method=PEER[method], spherize_epsilon=0
    )
    theirs = peer[[name for name in peer if not name.startswith("Metadata_")]].to_numpy()
    ours = cpf.whiten(wells, method, reference=NEGCON, shrinkage=0).filter(regex="^(Cells|PC)").to_numpy()
    if method.startswith("pca"):
        theirs = theirs * np.sign((theirs * ours).sum(axis=0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("method", ["pca", "pca_cor", "zca_cor"])
def test_few_controls_give_numbers_that_can_be_had_again(method):
    """The peer pads components beyond the controls with directions of chance, which a last digit changes; here not."""
    wells = screen(n=40, d=30, offset=0.0)
    nudged = wells.copy()
    nudged[[name for name in wells if name.startswith("Cells")]] *= 1 + 1e-13
    first, again = (
        cpf.whiten(table, method, reference=NEGCON).filter(regex="^(Cells|PC)") for table in (wells, nudged)
    )
    np.testing.assert_allclose(again, first, atol=1e-8)
