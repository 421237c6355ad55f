"""Profiles drawn in a few dimensions."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from cellprofiling.core import checks
from cellprofiling.core.errors import FeatureError, InputError, one_of
from cellprofiling.core.frame import Table, complete, join, split
from cellprofiling.core.methods import Method, table_of
from cellprofiling.core.seeds import seed_of_32_bits
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.scale.scale import means


class Embedding(NamedTuple):
    """Coordinates, shape (n_rows, n_components), and what else the method found out."""

    coordinates: Doubles
    facts: dict[str, Any]


def pca(x: Doubles, n_components: int, seed: int) -> Embedding:
    """Return principal components; scikit-learn turns each so that its largest loading is positive."""
    solver = "covariance_eigh" if x.shape[0] >= x.shape[1] else "full"
    model = PCA(n_components, svd_solver=solver, random_state=seed_of_32_bits(seed))
    scores = model.fit_transform(x - means(x))  # centered first: the solver subtracts the mean after squaring
    return Embedding(scores, {"explained_variance_ratio": model.explained_variance_ratio_.tolist()})


def umap(x: Doubles, n_components: int, seed: int) -> Embedding:
    """Return a UMAP; neighborhoods of 15 rows, or of all there are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)  # only ParametricUMAP needs it
        from umap import UMAP

    model = UMAP(
        n_components=n_components, n_neighbors=min(15, len(x) - 1), random_state=seed_of_32_bits(seed), n_jobs=1
    )
    return Embedding(model.fit_transform(x), {})


def tsne(x: Doubles, n_components: int, seed: int) -> Embedding:
    """Return a t-SNE; perplexity 30, or a third of the rows."""
    model = TSNE(
        n_components,
        perplexity=min(30.0, (len(x) - 1) / 3),
        method="barnes_hut" if n_components < 4 else "exact",  # the faster one exists in up to three dimensions
        random_state=seed_of_32_bits(seed),
    )
    return Embedding(model.fit_transform(x), {})


METHODS = table_of(
    Method("pca", "Principal components; distances mean something.", pca),
    Method(
        "umap",
        "UMAP; only neighborhoods mean something.",
        umap,
        "McInnes, Healy and Melville, UMAP (2018), https://doi.org/10.48550/arXiv.1802.03426",
    ),
    Method("tsne", "Neighbors by t-SNE; only neighborhoods mean something.", tsne),
)


def embed(
    profiles: pd.DataFrame,
    method: str = "pca",
    *,
    n_components: int = 2,
    seed: int = 0,
    features: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Return profiles placed in a few dimensions, so that similar ones lie close.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table without missing feature values, normalized: features of large numbers would count most.
    method : {"pca", "umap", "tsne"}, default "pca"
        How to place them. Distances mean something in `pca`; in `umap` and `tsne` only neighborhoods do.
    n_components : int, default 2
        Number of dimensions.
    seed : int, default 0
        Seed of the random numbers; the same seed gives the same picture.
    features : list of str or None, default None
        Names of the features to use; None for all.

    Returns
    -------
    pandas.DataFrame
        The metadata, and the coordinates ``PCA1``, ``PCA2``, ... (``UMAP1``, ``TSNE1``, ...). For `pca`,
        ``.attrs["explained_variance_ratio"]`` holds the share of the variance along each.

    Raises
    ------
    FeatureError
        A feature has missing values, or all profiles are equal.
    InputError
        A method that does not exist, or too few rows or features for so many dimensions.

    Notes
    -----
    The sign of a principal component is chosen so that its largest loading is positive.

    References
    ----------
    McInnes, L., Healy, J. and Melville, J. (2018). UMAP: Uniform manifold approximation and projection for dimension
    reduction. https://doi.org/10.48550/arXiv.1802.03426

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Well": ["A01", "A02", "A03"], "Cells_a": [0.0, 3, 6], "Cells_b": [0.0, 4, 8]})
    >>> cpf.embed(wells, n_components=1)
      Metadata_Well  PCA1
    0           A01  -5.0
    1           A02   0.0
    2           A03   5.0
    """
    checks.arguments(locals())
    one_of("method", method, METHODS)
    table = complete(split(profiles, features))
    _refuse_few(table, n_components)
    coordinates, facts = METHODS[method](table.x.astype(np.float64), n_components, seed)
    names = tuple(f"{method.upper()}{i + 1}" for i in range(n_components))
    placed = Table(table.metadata, coordinates.astype(table.x.dtype), names)
    embedding = join(placed, source=profiles)
    embedding.attrs.update(facts)
    return embedding


def _refuse_few(table: Table, n_components: int) -> None:
    """Say so if there are too few rows or features, or nothing that differs between rows."""
    n_rows, n_features = table.x.shape
    if n_rows < n_components + 2 or n_features < n_components:
        raise InputError(
            f"n_components={n_components}: the table has {n_rows} rows and {n_features} features; needed are at least "
            "one dimension, two more rows than dimensions, and as many features."
        )
    if (table.x == table.x[0]).all():
        raise FeatureError(f"profiles: all {n_rows} rows have the same feature values, so there is nothing to draw.")
