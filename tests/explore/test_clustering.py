"""Clusters and their stability."""

import builtins

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprofiling as cpf
from cellprofiling.core.errors import FeatureError, InputError
from cellprofiling.explore.clustering_methods import METHODS, for_fewer_rows
from cellprofiling.kernels.similarity.partitions import best_overlaps, numbered

FEATURES = [f"Cells_{i}" for i in range(6)]
SIZES = [30, 22, 16, 10]
OPTIONS = {"kmeans": {"n_clusters": 4}, "agglomerative": {"n_clusters": 4}, "leiden": {"n_neighbors": 8}}


@pytest.fixture(scope="module")
def groups():
    """Four groups far apart, of known sizes."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), SIZES)
    x = 8 * rng.normal(size=(4, 6))[truth] + rng.normal(size=(len(truth), 6))
    frame = pd.DataFrame(x, columns=FEATURES).assign(Metadata_Mechanism=[f"m{t}" for t in truth], Metadata_Truth=truth)
    return frame.sample(frac=1, random_state=0)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_finds_groups_that_are_there_and_says_that_they_are_stable(groups, method):
    if method == "leiden":
        pytest.importorskip("graspologic_native")
    found = cpf.cluster(groups, method, resamples=20, **OPTIONS.get(method, {}))
    inside = found[found["Metadata_Cluster"] >= 0]
    assert len(inside) > 0.9 * len(groups)
    assert (inside["Metadata_Cluster"] == inside["Metadata_Truth"]).all()  # numbered by size
    assert (inside["Metadata_Cluster_Stability"] > 0.75).all()
    assert [c["cluster"] for c in found.attrs["clusters"]] == [0, 1, 2, 3]
    assert sum(c["n"] for c in found.attrs["clusters"]) == len(inside)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neither_the_order_of_rows_nor_that_of_columns_matters(groups, method, metric):
    if method == "leiden":
        pytest.importorskip("graspologic_native")
    rng = np.random.default_rng(1)
    noisy = groups.assign(**{name: groups[name] + 4 * rng.normal(size=len(groups)) for name in FEATURES})
    shuffled = noisy.sample(frac=1, random_state=3)[[*FEATURES[::-1], "Metadata_Truth"]]
    options = {"metric": metric, "resamples": 4, **OPTIONS.get(method, {})}
    new = ["Metadata_Cluster", "Metadata_Cluster_Stability"]
    found = cpf.cluster(noisy, method, **options)
    pd.testing.assert_frame_equal(
        cpf.cluster(shuffled, method, **options)[new].loc[noisy.index], found[new], check_exact=True
    )


def test_clusters_of_noise_are_not_stable():
    """Trap: k-means cuts a shapeless cloud into as many parts as asked for."""
    cloud = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 6)), columns=FEATURES)
    assert cpf.cluster(cloud, "kmeans", n_clusters=6, resamples=20)["Metadata_Cluster_Stability"].max() < 0.6


def test_a_row_between_groups_is_in_no_cluster(groups):
    far = groups.iloc[:1].assign(**dict.fromkeys(FEATURES, 500.0))
    found = cpf.cluster(pd.concat([groups, far], ignore_index=True), resamples=2).iloc[-1]
    assert found["Metadata_Cluster"] == -1
    assert np.isnan(found["Metadata_Cluster_Stability"])


def test_the_table_stays_and_carries_its_clusters(groups):
    before = groups.copy(deep=True)
    found = cpf.cluster(groups, "kmeans", resamples=0)
    pd.testing.assert_frame_equal(groups, before)
    pd.testing.assert_frame_equal(found[groups.columns], groups)
    assert found["Metadata_Cluster_Stability"].isna().all()
    assert found["Metadata_Cluster"].max() == 7
    assert [c["n"] for c in found.attrs["clusters"]] == sorted(found["Metadata_Cluster"].value_counts(), reverse=True)


def test_by_cosine_only_the_direction_counts(groups):
    rng = np.random.default_rng(0)
    longer = groups.assign(**{n: groups[n] * f for n, f in zip(FEATURES, [3.0] * 6, strict=True)})
    longer[FEATURES] *= rng.uniform(0.5, 20, size=(len(groups), 1))
    ask = {"metric": "cosine", "n_clusters": 4, "resamples": 0}
    expected = cpf.cluster(groups, "agglomerative", **ask)["Metadata_Cluster"]
    found = cpf.cluster(longer, "agglomerative", **ask)["Metadata_Cluster"]
    pd.testing.assert_series_equal(found, expected)


def test_an_embedding_can_be_clustered(groups):
    found = cpf.cluster(cpf.embed(groups, n_components=3), resamples=2)
    assert (found["Metadata_Cluster"] == found["Metadata_Truth"]).mean() > 0.9


def test_nothing_dense_is_no_cluster():
    spread = pd.DataFrame(10.0 ** np.arange(8)[:, None] * np.eye(8, 6), columns=FEATURES)
    found = cpf.cluster(spread, min_cluster_size=6, resamples=5)
    assert (found["Metadata_Cluster"] == -1).all()
    assert found.attrs["clusters"] == []


def test_what_cannot_be_done_is_said(groups, monkeypatch):
    with pytest.raises(InputError, match=r"method='dbscan': choose one of 'hdbscan', 'kmeans'"):
        cpf.cluster(groups, "dbscan")
    with pytest.raises(InputError, match=r"metric='manhattan': choose one of 'euclidean', 'cosine'"):
        cpf.cluster(groups, metric="manhattan")
    with pytest.raises(InputError, match=r"n_cluster=3: not an option of 'kmeans'; .* Did you mean 'n_clusters'"):
        cpf.cluster(groups, "kmeans", n_cluster=3)
    with pytest.raises(InputError, match=r"n_clusters=79: give a whole number from 1 to the number .* 78"):
        cpf.cluster(groups, "kmeans", n_clusters=79)
    with pytest.raises(InputError, match=r"n_clusters=2: give a whole number from 1 to the number .* 1\."):
        cpf.cluster(pd.DataFrame({"Cells_a": [1.0, 1, 1]}), "kmeans", n_clusters=2)
    with pytest.raises(InputError, match=r"min_cluster_size=1: give a whole number from 2"):
        cpf.cluster(groups, min_cluster_size=1)
    with pytest.raises(InputError, match=r"selection='top': choose one of 'eom', 'leaf'"):
        cpf.cluster(groups, selection="top")
    with pytest.raises(InputError, match=r"linkage='single': choose one of 'ward'"):
        cpf.cluster(groups, "agglomerative", linkage="single")
    with pytest.raises(InputError, match=r"resamples=-1: not a whole number of at least 0"):
        cpf.cluster(groups, resamples=-1)
    with pytest.raises(FeatureError, match=r"profiles: 1 of 78 rows are zero in all features"):
        cpf.cluster(groups.assign(**{n: groups[n].where(groups["Metadata_Truth"].index != 5, 0) for n in FEATURES}),
                    metric="cosine")  # fmt: skip
    with pytest.raises(FeatureError, match=r"features 'Cells_0' have missing values"):
        cpf.cluster(groups.assign(Cells_0=np.nan))

    absent = builtins.__import__

    def without(name, *rest, **more):
        if name == "graspologic_native":
            raise ImportError(name)
        return absent(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"method='leiden' needs the package graspologic-native: pip install"):
        cpf.cluster(groups, "leiden")


def test_options_that_count_rows_shrink_with_the_rows():
    given = {"min_cluster_size": 10, "min_samples": None, "selection": "eom", "n_clusters": 8, "n_neighbors": 3}
    assert for_fewer_rows(given, 0.5) == given | {"min_cluster_size": 5, "n_neighbors": 2}


def naive_overlaps(labels, again, n_clusters):
    result = []
    for cluster in range(n_clusters):
        rows = set(np.flatnonzero(labels == cluster))
        others = [set(np.flatnonzero(again == other)) for other in set(again) - {-1}]
        best = max((len(rows & other) / len(rows | other) for other in others), default=0.0)
        result.append(best if rows else np.nan)
    return result


@settings(max_examples=50, deadline=None)
@given(data=st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 4)), min_size=1, max_size=30))
def test_overlaps_equal_their_naive_twin(data):
    labels, again = np.array(data).T
    np.testing.assert_allclose(best_overlaps(labels, again, 4), naive_overlaps(labels, again, 4))


@settings(max_examples=50, deadline=None)
@given(labels=st.lists(st.integers(-1, 5), min_size=1, max_size=30))
def test_clusters_are_numbered_by_size_and_by_their_first_row(labels):
    labels = np.array(labels)
    found = numbered(labels)
    assert ((labels == -1) == (found == -1)).all()
    assert len(set(zip(labels.tolist(), found.tolist(), strict=True))) == len(set(labels.tolist()))
    sizes = np.bincount(found[found >= 0])
    first = [np.flatnonzero(found == c)[0] for c in range(len(sizes))]
    assert [(-n, f) for n, f in zip(sizes, first, strict=True)] == sorted(zip(-sizes, first, strict=True))
