"""What other packages call what is done here: names of functions, of arguments, of steps, in one table."""

from collections.abc import Container
from typing import NamedTuple

PYCYTOMINER, COPAIRS, SCANPY = "pycytominer", "copairs", "scanpy"


class Alias(NamedTuple):
    """A word of another package.

    Attributes
    ----------
    package : whose word it is.
    ours : names that do the same here: of verbs, arguments, steps or methods; which of them is meant depends on where
        the word stands.
    words : how it is written here, where a name alone does not say it.
    """

    package: str
    ours: tuple[str, ...]
    words: str = ""

    def among(self, names: Container[str]) -> str | None:
        """Return the first of our names that is among those that can stand in this place."""
        return next((name for name in self.ours if name in names), None)


ALIASES = {
    "feature_select": Alias(PYCYTOMINER, ("select_features",)),
    "drop_na_columns": Alias(PYCYTOMINER, ("missing", "select_features"), "the step missing of select_features"),
    "variance_threshold": Alias(PYCYTOMINER, ("variance", "select_features"), "the step variance of select_features"),
    "frequency_threshold": Alias(
        PYCYTOMINER, ("frequency", "select_features"), "the step frequency of select_features"
    ),
    "correlation_threshold": Alias(
        PYCYTOMINER, ("correlation", "select_features"), "the step correlation of select_features"
    ),
    "drop_outliers": Alias(PYCYTOMINER, ("outliers", "select_features"), "the step outliers of select_features"),
    "noise_removal": Alias(PYCYTOMINER, ("noise", "select_features"), "the step noise of select_features"),
    "spherize": Alias(PYCYTOMINER, ("whiten",)),
    "modz": Alias(PYCYTOMINER, ("consensus",), "consensus(method='modz')"),
    "infer_cp_features": Alias(PYCYTOMINER, ("parse_features",)),
    "load_profiles": Alias(PYCYTOMINER, ("read_profiles",)),
    "load_platemap": Alias(PYCYTOMINER, ("read_platemap",)),
    "output": Alias(PYCYTOMINER, ("write_profiles",)),
    "SingleCells": Alias(PYCYTOMINER, ("open_cells",)),
    "population_df": Alias(PYCYTOMINER, ("cells", "profiles")),
    "samples": Alias(PYCYTOMINER, ("reference",)),
    "strata": Alias(PYCYTOMINER, ("by",)),
    "operation": Alias(PYCYTOMINER, ("steps", "statistics", "method")),
    "join_on": Alias(PYCYTOMINER, ("on",)),
    "replicate_columns": Alias(PYCYTOMINER, ("by",)),
    "meta_features": Alias(PYCYTOMINER, (), "every column whose name begins with Metadata_"),
    "output_file": Alias(PYCYTOMINER, ("path",), "write_profiles(table, path)"),
    "na_cutoff": Alias(PYCYTOMINER, ("steps",), "steps={'missing': {'cutoff': ...}}"),
    "freq_cut": Alias(PYCYTOMINER, ("steps",), "steps={'frequency': {'freq_cut': ...}}"),
    "unique_cut": Alias(PYCYTOMINER, ("steps",), "steps={'frequency': {'unique_cut': ...}}"),
    "corr_threshold": Alias(PYCYTOMINER, ("steps",), "steps={'correlation': {'cutoff': ...}}"),
    "outlier_cutoff": Alias(PYCYTOMINER, ("steps",), "steps={'outliers': {'cutoff': ...}}"),
    "blocklist_file": Alias(PYCYTOMINER, ("steps",), "steps={'blocklist': {'features': [...]}}"),
    "noise_removal_perturb_groups": Alias(PYCYTOMINER, ("steps",), "steps={'noise': {'by': ...}}"),
    "noise_removal_stdev_cutoff": Alias(PYCYTOMINER, ("steps",), "steps={'noise': {'cutoff': ...}}"),
    "mad_robustize_epsilon": Alias(PYCYTOMINER, ("zero_scale",)),
    "spherize_method": Alias(PYCYTOMINER, ("method",), "whiten(method=...)"),
    "spherize_epsilon": Alias(PYCYTOMINER, ("shrinkage",), "whiten(shrinkage=...)"),
    "mean_average_precision": Alias(COPAIRS, ("activity",)),
    "pos_sameby": Alias(COPAIRS, ("positives",), "positives={'same': [...]}"),
    "pos_diffby": Alias(COPAIRS, ("positives",), "positives={'different': [...]}"),
    "neg_sameby": Alias(COPAIRS, ("negatives",), "negatives={'same': [...]}"),
    "neg_diffby": Alias(COPAIRS, ("negatives",), "negatives={'different': [...]}"),
    "meta": Alias(COPAIRS, ("profiles",), "the columns of profiles whose names begin with Metadata_"),
    "feats": Alias(COPAIRS, ("profiles",), "the numeric columns of profiles"),
    "sameby": Alias(COPAIRS, ("by",)),
    "null_size": Alias(COPAIRS, ("permutations",)),
    "threshold": Alias(COPAIRS, ("fdr",)),
    "distance": Alias(COPAIRS, ("metric",)),
    "multilabel_col": Alias(COPAIRS, ("label",)),
    "pl": Alias(SCANPY, ("plot",)),
    "tl": Alias(SCANPY, (), "embed, cluster or compare_features"),
    "pp": Alias(SCANPY, (), "normalize, select_features or correct_batch"),
    "read_h5ad": Alias(SCANPY, ("read_profiles",)),
    "AnnData": Alias(SCANPY, ("to_anndata",)),
    "pca": Alias(SCANPY, ("embed",), "embed(method='pca')"),
    "umap": Alias(SCANPY, ("embed",), "embed(method='umap')"),
    "tsne": Alias(SCANPY, ("embed",), "embed(method='tsne')"),
    "leiden": Alias(SCANPY, ("cluster",), "cluster(method='leiden')"),
    "louvain": Alias(SCANPY, ("cluster",), "cluster(method='leiden')"),
    "scale": Alias(SCANPY, ("normalize",), "normalize(method='standardize')"),
    "combat": Alias(SCANPY, ("correct_batch",), "correct_batch(method='combat')"),
    "harmony_integrate": Alias(SCANPY, ("correct_batch",), "correct_batch(method='harmony')"),
    "rank_genes_groups": Alias(SCANPY, ("compare_features",)),
    "adata": Alias(SCANPY, ("profiles", "cells")),
    "n_comps": Alias(SCANPY, ("n_components",)),
    "groupby": Alias(SCANPY, ("by",)),
    "use_rep": Alias(SCANPY, ("features",)),
    "random_state": Alias(SCANPY, ("seed",)),
}
