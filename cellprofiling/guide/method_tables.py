"""The methods of all verbs, from the tables that the verbs use."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pandas as pd

from cellprofiling.core.errors import one_of
from cellprofiling.core.methods import Method

# Where the table of each argument is; imported when it is asked for. The first verb of a table speaks for the others.
SCALING = {"method": "profiles.normalization.scaling_methods:METHODS"}
WHITENING = {"method": "profiles.whitening_fit:METHODS"}
FILTERS = {"steps": "profiles.selection.filters:STEPS"}
SIMILARITY = {"metric": "hits.retrieval.precision:METRICS"}
STATISTIC = {"method": "hits.calling.statistics:METHODS"}
TABLES: dict[str, dict[str, str]] = {
    "normalize": SCALING,
    "fit_normalization": SCALING,
    "correct_position": {"method": "profiles.position.position_methods:METHODS"},
    "whiten": WHITENING,
    "fit_whitening": WHITENING,
    "correct_batch": {"method": "profiles.batch.batch_methods:METHODS"},
    "fit_batch_correction": {"method": "profiles.batch.batch_methods:FITTED"},
    "select_features": FILTERS,
    "fit_selection": FILTERS,
    "explain_selection": FILTERS,
    "consensus": {"method": "profiles.consensus_profiles:METHODS"},
    "embed": {"method": "explore.embedding:METHODS"},
    "cluster": {"method": "explore.clustering_methods:METHODS"},
    "similarity": {"metric": "explore.similarities:METRICS"},
    "variance_budget": {"": "explore.variance:METHODS"},
    "subpopulations": {"method": "cells.kinds.subpopulation_methods:METHODS"},
    "average_precision": SIMILARITY,
    "consistency": SIMILARITY,
    "distinctiveness": SIMILARITY,
    "percent_replicating": SIMILARITY,
    "grit": SIMILARITY,
    "activity": STATISTIC | {"combine": "hits.calling.blocks:COMBINE"},
    "rank_hits": STATISTIC,
    "audit_controls": STATISTIC,
    "plan_power": STATISTIC,
    "audit_layout": {"": "hits.audits.layout_audit:TRANSFORMS"},
    "fit_doses": {"": "hits.doses.curve:MODELS"},
    "compare_features": {
        "model": "hits.explanation.feature_models:MODELS",
        "correction": "hits.explanation.corrections:CORRECTIONS",
    },
    "explain": {
        "model": "hits.explanation.group_models:MODELS",
        "correction": "hits.explanation.corrections:CORRECTIONS",
    },
}


def methods(verb: str | None = None) -> pd.DataFrame:
    """
    Return the methods of a verb: what each does, its options, and the paper to cite.

    Parameters
    ----------
    verb : str or None, default None
        The verb, such as "normalize"; None for all verbs that have methods.

    Returns
    -------
    pandas.DataFrame
        One row per method: ``name``, ``sentence``, ``options`` (with their defaults, and the values they may have) and
        ``reference`` (empty where a method is nobody's in particular). With None the column ``verb`` stands first, and
        a method that several verbs share stands once, at the first of them.

    Raises
    ------
    InputError
        A verb that has no methods, or does not exist.

    See Also
    --------
    verbs : The verbs.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> cpf.methods("normalize")[["name", "options"]]
                      name           options
    0        mad_robustize  mad_scale=1.4826
    1            robustize
    2          standardize            ddof=0
    3  rank_inverse_normal
    """
    if verb is not None:
        return pd.DataFrame([_row(method) for method in records(verb).values()])
    return pd.DataFrame([{"verb": name, **_row(method)} for name, method in all_records()])


def records(verb: str, argument: str | None = None) -> dict[str, Method]:
    """Return the methods of a verb by name, those of one argument or of all."""
    tables = TABLES[one_of("verb", verb, TABLES)]
    return {
        name: method
        for of_argument, place in tables.items()
        if argument is None or argument == of_argument
        for name, method in _table(place).items()
    }


def all_records() -> Iterator[tuple[str, Method]]:
    """Give the methods of all verbs, each once, with the first verb that has it."""
    told: set[int] = set()
    for verb, tables in TABLES.items():
        for place in tables.values():
            for method in _table(place).values():
                if id(method) not in told:
                    told.add(id(method))
                    yield verb, method


def _table(place: str) -> Mapping[str, Any]:
    module, _, name = place.partition(":")
    return getattr(import_module(f"cellprofiling.{module}"), name)


def _row(method: Method) -> dict[str, str]:
    return {
        "name": method.name,
        "sentence": method.sentence,
        "options": ", ".join(_option(method, name, value) for name, value in method.options.items()),
        "reference": method.reference,
    }


def _option(method: Method, name: str, default: Any) -> str:
    choices = [repr(value) for value in method.choices.get(name, ())]
    return f"{name}={default!r}" + (f" ({' or '.join(choices)})" if choices else "")
