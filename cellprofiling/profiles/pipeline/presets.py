"""Pipelines by name: published ones as published, and our own."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from cellprofiling.core import checks
from cellprofiling.core.errors import one_of

Step = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Preset:
    """A pipeline as data: what it is, and its steps. `differs` says where it is not what was published, and why."""

    title: str
    steps: tuple[Step, ...]
    differs: tuple[str, ...] = ()


# Roles: "@plate" and so on are filled in by run_steps; those with a question mark may be left open.
_OLD_VARIANCE = {"frequency": {"rule": "or"}}  # what pycytominer called variance_threshold up to 1.6
_PAIRWISE = {"correlation": {"rule": "pairwise"}}
_INCOMPLETE = {"missing": {"cutoff": 0}}
_BY_PLATE = {"by": "@plate", "within": "@within?"}
_JUMP_MAD = {"method": "mad_robustize", "mad_scale": 1.0} | _BY_PLATE
_ALL_ROWS = {"method": "rank_inverse_normal", "by": None}
_HARMONY = {"method": "harmony", "batch": "@batch", "by": "@perturbation?", "n_components": 100_000, "iterations": 20}

_TIES = "rank_inverse_normal gives ties their mean rank; the recipe breaks them at random."
_OWN_HARMONY = (
    "Harmony is our own: a fixed number of iterations, and as many clusters as it chooses. The recipe's harmonypy asks "
    "for 300 clusters and stops after the first iteration or two. Features are returned, not Harmony's axes."
)
_GENES = (
    "wellpos subtracts plate means first, which the scaling by plate would do later; features with few values are "
    "regressed as well; the cell count itself is no feature.",
    "Features of little variation are those with a MAD of 0 on some plate: the recipe's second rule, MAD / median, "
    "means nothing after wellpos, where medians are near 0.",
    "The recipe's clipping at 100 works on a copy and changes nothing; it is left out.",
    "Whitening uses the shrinkage of Ledoit and Wolf. The recipe tries 25 epsilons and keeps the one with the best "
    "mean average precision, on the labels that are reported later.",
    _OWN_HARMONY,
)


def _gene_steps() -> tuple[Step, ...]:
    return (
        {"select_features": {"steps": [_INCOMPLETE]}},
        {
            "correct_position": {
                "method": "well_mean",
                **_BY_PLATE,
                "well": "@well",
                "perturbation": "@perturbation",
                "min_plates": 1,
                "max_fixed": 1.0,
            }
        },
        {"regress_out": {"covariates": "@count", "by": None, "within": "@within?", "reference": None}},
        {"select_features": {"steps": [{"low_variation": {"by": "@plate", "cutoff": 0}}]}},
        {"normalize": _JUMP_MAD},
        {"select_features": {"steps": [{"outliers": {"cutoff": 100, "share": 0.01}}]}},
        {
            "select_features": {
                "steps": [_OLD_VARIANCE, _PAIRWISE, "blocklist", {"blocklist": {"pattern": "Image"}}, _INCOMPLETE]
            }
        },
        {"whiten": {"method": "zca_cor", "reference": "@reference", "within": "@within?"}},
        {"correct_batch": _HARMONY},
    )


_PLATES = _BY_PLATE | {"reference": "@reference"}
_SINGLE: tuple[Step, ...] = (
    {"select_features": {"steps": ["missing"]}},
    {"correct_position_if_needed": _PLATES | {"well": "@well", "plate_format": "@plate_format?"}},
    {"normalize_few": _PLATES | {"pool_scale_by": "@batch?", "clip": 20}},
    {"select_features": {}},
)

PRESETS: dict[str, Preset] = {
    "single_batch": Preset("wells of one batch", _SINGLE),
    "multi_batch": Preset(
        "wells of several batches of one site",
        (
            *_SINGLE,
            {
                "correct_batch": {
                    "method": "combat",
                    "batch": "@batch",
                    "anchors": "reference",
                    "reference": "@reference",
                    "by": "@perturbation?",
                }
            },
        ),
    ),
    "multi_site": Preset(
        "wells of several sites",
        (
            {"select_features": {"steps": [_INCOMPLETE]}},
            *_SINGLE[1:],
            {"whiten": {"method": "tvn", "by": "@site", "within": "@within?", "reference": "@reference"}},
            {
                "correct_batch": {
                    "method": "harmony",
                    "batch": ["@site", "@batch"],
                    "anchors": "shared",
                    "reference": "@reference",
                    "by": "@perturbation",
                }
            },
        ),
    ),
    "pycytominer_4b": Preset(
        "normalized and feature-selected wells (level 4b) of cytomining/profiling-recipe",
        (
            {"normalize": {"method": "mad_robustize", "reference": "@reference?"} | _BY_PLATE},
            {"select_features": {"steps": [_OLD_VARIANCE, _PAIRWISE, "missing", "blocklist"]}},
        ),
        (
            "A feature without spread on some plate is dropped; the recipe, with an epsilon of 0, makes it infinite or "
            "missing.",
        ),
    ),
    "jump_compound": Preset(
        "compounds of broadinstitute/jump-profiling-recipe: var_mad_int_featselect_harmony",
        (
            {"select_features": {"steps": [_INCOMPLETE]}},
            {"select_features": {"steps": [{"low_variation": {"by": "@plate"}}], "reference": "@reference"}},
            {"normalize": _JUMP_MAD | {"reference": "@reference"}},
            {"normalize": _ALL_ROWS},
            {"select_features": {"steps": [_OLD_VARIANCE, _PAIRWISE, "blocklist", _INCOMPLETE]}},
            {"correct_batch": _HARMONY},
        ),
        (_TIES, _OWN_HARMONY),
    ),
    "jump_orf": Preset(
        "ORFs of broadinstitute/jump-profiling-recipe: wellpos_cc_var_mad_outlier_featselect_sphering_harmony",
        _gene_steps(),
        _GENES,
    ),
    "jump_crispr": Preset(
        "CRISPR guides of broadinstitute/jump-profiling-recipe: the ORF steps, then PCA_corrected",
        (*_gene_steps(), {"principal_components": {"variance": 0.98}}),
        (
            *_GENES,
            "The correction for chromosome arms, which needs the expression of genes in the cell line, is left out.",
        ),
    ),
}


def preset(name: str) -> list[Step]:
    """
    Return the steps of a named pipeline, to look at, to change, and to give to `run_steps`.

    Parameters
    ----------
    name : {"single_batch", "multi_batch", "multi_site", "pycytominer_4b", "jump_compound", "jump_orf", "jump_crispr"}
        Which pipeline.

    Returns
    -------
    list of dict
        One ``{verb: {option: value}}`` per step, a copy. Values such as "@plate" are roles, which `run_steps` fills in.

    Raises
    ------
    InputError
        A name that does not exist.

    See Also
    --------
    run_steps : Run the steps.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> [verb for step in cpf.preset("pycytominer_4b") for verb in step]
    ['normalize', 'select_features']
    """
    checks.arguments(locals())
    return deepcopy(list(PRESETS[one_of("name", name, PRESETS)].steps))
