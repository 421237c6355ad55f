"""Embeddings."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_score

import cellprofiling as cpf
from cellprofiling.core.errors import FeatureError, InputError
from cellprofiling.explore.embedding import METHODS

ALL = [pytest.param(name, marks=pytest.mark.slow if name == "umap" else ()) for name in METHODS]


@pytest.fixture
def wells():
    """Sixty wells of three kinds that lie far apart."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(["a", "b", "c"], 20)
    centers = {kind: 8 * rng.normal(size=6) for kind in "abc"}
    x = np.stack([centers[kind] for kind in kinds]) + rng.normal(size=(60, 6))
    frame = pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(6)])
    frame.insert(3, "Metadata_Kind", kinds)
    return frame.sample(frac=1, random_state=0)


@pytest.mark.parametrize("method", ALL)
def test_rows_and_metadata_stay_and_features_become_coordinates(wells, method):
    before = wells.copy(deep=True)
    placed = cpf.embed(wells, method, n_components=3)
    assert list(placed.columns) == ["Metadata_Kind", *(f"{method.upper()}{i}" for i in (1, 2, 3))]
    pd.testing.assert_series_equal(placed["Metadata_Kind"], wells["Metadata_Kind"])
    pd.testing.assert_frame_equal(wells, before)


@pytest.mark.parametrize("method", ALL)
def test_kinds_that_lie_apart_stay_apart(wells, method):
    placed = cpf.embed(wells, method)
    assert silhouette_score(placed.iloc[:, 1:], placed["Metadata_Kind"]) > 0.5


@pytest.mark.parametrize("method", ALL)
def test_the_same_seed_gives_the_same_bytes(wells, method):
    first, again = cpf.embed(wells, method, seed=3), cpf.embed(wells, method, seed=3)
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    if method == "umap":  # the others draw nothing at random from so few wells
        assert not first.equals(cpf.embed(wells, method, seed=4))


@pytest.mark.parametrize("method", ALL)
def test_float32_stays_float32(wells, method):
    names = [name for name in wells if name.startswith("Cells")]
    placed = cpf.embed(wells.astype(dict.fromkeys(names, np.float32)), method)
    assert set(placed.iloc[:, 1:].dtypes) == {np.dtype(np.float32)}


@pytest.mark.parametrize("method", ALL)
def test_a_handful_of_rows_is_enough(wells, method):
    assert np.isfinite(cpf.embed(wells.iloc[:4], method).iloc[:, 1:].to_numpy()).all()


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_principal_components_rotate_the_centered_profiles(shape):
    x = np.random.default_rng(0).normal(1e6, 1e-3, size=shape)
    n = min(shape) - 2
    placed = cpf.embed(pd.DataFrame(x).add_prefix("Cells_"), n_components=n)
    scores, centered = placed.to_numpy(), x - x.mean(axis=0)
    values = np.linalg.svd(centered, compute_uv=False)
    np.testing.assert_allclose((scores**2).sum(axis=0), values[:n] ** 2, rtol=1e-5)
    np.testing.assert_allclose(scores.T @ scores, np.diag(values[:n] ** 2), atol=1e-5 * values[0] ** 2)
    np.testing.assert_allclose(placed.attrs["explained_variance_ratio"], values[:n] ** 2 / (values**2).sum(), rtol=1e-5)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_the_largest_loading_of_a_principal_component_is_positive(shape):
    x = np.random.default_rng(0).normal(size=shape)
    for sign in (1, -1):
        scores = cpf.embed(pd.DataFrame(sign * x).add_prefix("Cells_"), n_components=3).to_numpy()
        loadings = scores.T @ (sign * (x - x.mean(axis=0)))
        assert (loadings[np.arange(3), np.abs(loadings).argmax(axis=1)] > 0).all()


def test_order_of_rows_does_not_matter_to_principal_components(wells):
    shuffled = wells.iloc[::-1]
    np.testing.assert_allclose(
        cpf.embed(shuffled).iloc[::-1].iloc[:, 1:], cpf.embed(wells).iloc[:, 1:], rtol=1e-9, atol=1e-9
    )


def test_the_ledger_travels(wells):
    wells["Cells_flat"] = 1.0
    scores = cpf.normalize(wells, by=None)
    assert cpf.ledger(cpf.embed(scores))["name"].tolist() == ["Cells_flat"]


def test_only_named_features_are_used(wells):
    placed = cpf.embed(wells, features=["Cells_0", "Cells_1"])
    pd.testing.assert_frame_equal(placed[["Cells_2"]], wells[["Cells_2"]])
    pd.testing.assert_frame_equal(placed[["PCA1", "PCA2"]], cpf.embed(wells[["Cells_0", "Cells_1"]])[["PCA1", "PCA2"]])


def test_what_cannot_be_done_is_said(wells):
    with pytest.raises(InputError, match=r"method='mds': choose one of 'pca', 'umap', 'tsne'"):
        cpf.embed(wells, "mds")
    with pytest.raises(InputError, match=r"n_components=2: the table has 3 rows and 6 features; needed are at least"):
        cpf.embed(wells.iloc[:3])
    with pytest.raises(InputError, match=r"n_components=7: the table has 60 rows and 6 features"):
        cpf.embed(wells, n_components=7)
    with pytest.raises(InputError, match=r"n_components=0"):
        cpf.embed(wells, n_components=0)
    with pytest.raises(FeatureError, match=r"features 'Cells_0' have missing values \(in 60 of 60 rows\)"):
        cpf.embed(wells.assign(Cells_0=np.nan))
    with pytest.raises(FeatureError, match=r"profiles: all 4 rows have the same feature values"):
        cpf.embed(wells.iloc[[0, 0, 0, 0]])
