"""How a difference becomes a p-value, feature by feature: one function per model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.models.contrasts import Cells, Contrast, cells_of, contrast_with_controls
from cellprofiling.kernels.models.moderated import Prior, fit_prior, moderate, two_sided
from cellprofiling.kernels.models.random_effects import fit_random_effect


@dataclass(frozen=True)
class Comparison:
    """Wells ready to be compared, in an order that only their values decide.

    Attributes
    ----------
    x : shape (n_wells, n_features); missing where a plate has no spread.
    group : perturbation of each well, -1 for controls.
    plate : plate of each well.
    n_groups : number of perturbations.
    """

    x: Doubles
    group: Indices
    plate: Indices
    n_groups: int

    @cached_property
    def cells(self) -> Cells:
        """Perturbations on each of their plates, beside the controls there."""
        return cells_of(self.x, self.group, self.plate, self.n_groups)

    @cached_property
    def contrast(self) -> Contrast:
        """The linear model with an intercept for each plate."""
        return contrast_with_controls(self.cells)

    def plates_of(self, group: int) -> Indices:
        """Return the plates of a perturbation."""
        return np.unique(self.plate[self.group == group])


class FeatureTests(NamedTuple):
    """Student's t of each difference, its degrees of freedom and its p-value, shape (n_groups, n_features) each."""

    t: Doubles
    df: Doubles
    p_value: Doubles


def moderated(comparison: Comparison) -> FeatureTests:
    """Return moderated t: the residual variances of all features of a perturbation lend each other strength."""
    return _with_priors(comparison.contrast, fit_prior)


def ordinary(comparison: Comparison) -> FeatureTests:
    """Return Student's t, each feature by itself."""
    return _with_priors(comparison.contrast, lambda *_: Prior(np.nan, 0.0))


def _with_priors(found: Contrast, prior_of: Callable[[Doubles, Doubles], Prior]) -> FeatureTests:
    df = found.df
    variance = np.divide(found.squares, df, out=np.full_like(df, np.nan), where=df > 0)
    moderated = [moderate(v, d, prior_of(v, d)) for v, d in zip(variance, df, strict=True)]
    variance, df = (np.array(values).reshape(df.shape) for values in zip(*moderated, strict=True))
    t = found.difference * np.sqrt(found.weight / variance)
    return FeatureTests(t, df, two_sided(t, df))


def mixed(comparison: Comparison) -> FeatureTests:
    """Return t of a mixed model: the effect may differ from plate to plate, and plates are what is replicated."""
    found = fit_random_effect(comparison.cells)
    t, df = found.difference / found.error, found.n_strata - 1
    df = np.where(df > 0, df, np.nan)
    return FeatureTests(t, df, two_sided(t, df))


MODELS = table_of(
    Method(
        "moderated",
        "Student's t whose variances are drawn towards those of all features of the perturbation.",
        moderated,
        "Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004), https://doi.org/10.2202/1544-6115.1027",
    ),
    Method("ordinary", "Student's t, each feature by itself.", ordinary),
    Method(
        "mixed",
        "A mixed model: the effect may differ from plate to plate, and plates are the replicates.",
        mixed,
        "Patterson and Thompson, Biometrika 58, 545 (1971), https://doi.org/10.1093/biomet/58.3.545",
        "several plates",
    ),
)
