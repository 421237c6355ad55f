"""Labels that are more frequent in a cluster than chance makes them."""

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, groups, require
from cellprofiling.core.errors import ColumnError, InputError, listed
from cellprofiling.core.ledgers import lines, written
from cellprofiling.kernels.inference.enrichment import overrepresentation
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg
from cellprofiling.kernels.similarity.partitions import NOISE


def enrich(
    clusters: pd.DataFrame, label: str, *, cluster: str = "Metadata_Cluster", by: By = None, min_label: int = 2
) -> pd.DataFrame:
    """
    Test each label for being more frequent in a cluster than in all clusters and the rest together.

    Parameters
    ----------
    clusters : pandas.DataFrame
        A table with a row per perturbation, such as `cluster` returns for consensus profiles.
    label : str
        The column with the labels, such as a mechanism. Rows without one are left out, with a line in the ledger.
    cluster : str, default "Metadata_Cluster"
        The column with the clusters; -1 is no cluster, but its rows count among all.
    by : str, list of str, or None, default None
        Metadata columns that name a perturbation, for tables with several rows of each: a perturbation then counts
        once, in the cluster that has most of its rows. Replicates are no independent evidence of an enrichment.
    min_label : int, default 2
        Labels of fewer perturbations are not tested; they cannot be frequent anywhere.

    Returns
    -------
    pandas.DataFrame
        One row for each cluster and label that occurs in it, by cluster and p-value: ``cluster``, ``label``, ``n``
        (with this label in this cluster), ``n_cluster``, ``n_label``, ``n_total``, ``expected`` (n_cluster n_label /
        n_total), ``fold`` (n / expected), ``p_value`` and ``q_value``.

    Raises
    ------
    ColumnError
        A column that does not exist, no labels in it, or a perturbation with two labels.
    InputError
        No label is frequent enough to be tested, or nothing is in a cluster.

    See Also
    --------
    cluster : Find clusters.

    Notes
    -----
    The p-value is that of Fisher's exact test, one-sided: the probability that a random draw of n_cluster of n_total
    has n or more of the n_label. The q-value is Benjamini and Hochberg's over all pairs of a cluster and a label,
    those that do not occur (p = 1) included.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal Statistical
    Society B, 57(1). https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> found = pd.DataFrame(
    ...     {"Metadata_Cluster": [0, 0, 0, 0, 1, 1, 1], "Metadata_Mechanism": ["x", "x", "x", "y", "y", "y", "y"]}
    ... )
    >>> cpf.enrich(found, "Metadata_Mechanism")[["cluster", "label", "n", "fold", "p_value"]].round(3)
       cluster label  n   fold  p_value
    0        0     x  3  1.750    0.114
    1        0     y  1  0.438    1.000
    2        1     y  3  1.750    0.114
    """
    checks.arguments(locals(), clusters=checks.table, cluster=checks.column)
    require(clusters, label, "label")
    require(clusters, cluster, "cluster")
    counted = clusters[clusters[label].notna()]
    if not len(counted):
        raise ColumnError(f"label={label!r}: all {len(clusters)} rows are without a label.")
    units = _counted_once(counted, cluster, label, by)
    pairs = _pairs(units, min_label)
    counts = (pairs[name].to_numpy() for name in ("n", "n_cluster", "n_label", "n_total"))
    pairs["p_value"] = overrepresentation(*counts)
    pairs["q_value"] = benjamini_hochberg(pairs["p_value"].to_numpy())
    found = pairs[pairs["n"] > 0].sort_values(["cluster", "p_value", "label"], kind="stable", ignore_index=True)
    left_out = len(clusters) - len(counted)
    new = lines("enrich", "row", [label], "without a label", n=left_out) if left_out else []
    return written(found, clusters, new=new)


def _counted_once(table: pd.DataFrame, cluster: str, label: str, by: By) -> pd.DataFrame:
    """Return the cluster and the label of each perturbation, or of each row."""
    units = pd.DataFrame({"cluster": table[cluster].to_numpy(), "label": table[label].to_numpy()})
    if not by:
        return units
    units["unit"], keys = groups(table, by)
    labels = units.groupby("unit")["label"].nunique()
    if (labels > 1).any():
        several = keys[(labels > 1).to_numpy()].agg(tuple, axis=1)
        raise ColumnError(
            f"label={label!r}: differs between the rows of {listed(several)}; name the perturbations with more columns "
            "in by."
        )
    votes = units.groupby(["unit", "cluster", "label"]).size().rename("votes").reset_index()
    votes = votes.sort_values(["unit", "votes", "cluster"], ascending=[True, False, True])
    return votes.drop_duplicates("unit")[["cluster", "label"]]


def _pairs(units: pd.DataFrame, min_label: int) -> pd.DataFrame:
    """Return the counts of each pair of a cluster and a label."""
    table = pd.crosstab(units["cluster"], units["label"])
    sizes = table.sum(axis=1)
    table = table.loc[table.index != NOISE, table.sum(axis=0) >= min_label]
    if not table.size:
        raise InputError(
            f"min_label={min_label}: no pair to test: {len(sizes.index.difference([NOISE]))} clusters, and "
            f"{table.shape[1]} labels of at least {min_label} perturbations."
        )
    pairs = table.reset_index().melt("cluster", var_name="label", value_name="n")
    pairs["n_cluster"] = pairs["cluster"].map(sizes)
    pairs["n_label"] = pairs["label"].map(units["label"].value_counts()).astype(int)
    pairs["n_total"] = len(units)
    pairs["expected"] = pairs["n_cluster"] * pairs["n_label"] / len(units)
    pairs["fold"] = pairs["n"] / pairs["expected"]
    return pairs[["cluster", "label", "n", "n_cluster", "n_label", "n_total", "expected", "fold"]]
