"""Pipelines: verbs and their options as data, run one after the other."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference, describe_reference, require
from cellprofiling.core.errors import InputError, meant, one_of
from cellprofiling.core.frame import join, split
from cellprofiling.profiles.pipeline.presets import PRESETS, preset
from cellprofiling.profiles.remainder import without_remainder

Steps = str | Sequence[str | Mapping[str, Any]]

# Where each verb is found; imported when it is run.
VERBS = {
    "normalize": "normalization.normalization",
    "correct_position": "position.plate_effects",
    "regress_out": "covariates",
    "whiten": "whitening",
    "correct_batch": "batch.correction",
    "select_features": "selection.selection",
    "consensus": "consensus_profiles",
    "correct_position_if_needed": "pipeline.steps",
    "normalize_few": "pipeline.steps",
    "principal_components": "pipeline.steps",
}
NO_COLUMNS = ("reference", "plate_format")  # roles that name no columns
ABSENT_IS_OPEN = ("batch", "site", "perturbation", "count", "well", "plate")  # open where the table has no such column
ARGUMENTS = {"perturbation": "by"}  # the argument of run_steps that fills a role, if it has another name


def run_steps(
    profiles: pd.DataFrame,
    steps: Steps,
    *,
    reference: Reference = None,
    by: By = None,
    within: By = None,
    plate: By = PLATE,
    batch: By = "Metadata_Batch",
    site: By = "Metadata_Site",
    well: str = WELL,
    count: str = COUNT,
    plate_format: int | None = None,
    features: Sequence[str] | str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Return profiles after a pipeline: a preset by name, or verbs and their options as data.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table, one row per well.
    steps : str or list
        The name of a preset (see `preset`), or a list of ``{verb: {option: value}}``; a verb without options can be a
        word. The verbs are normalize, correct_position, regress_out, whiten, correct_batch, select_features and
        consensus; besides correct_position_if_needed (after an audit of the controls), normalize_few (by MAD, the scale
        pooled where a plate has fewer than 16 controls) and principal_components.
    reference : str, dict, array of bool, or None, default None
        Which rows are the negative controls; fills the role "@reference".
    by : str, list of str, or None, default None
        Metadata columns that name a perturbation; "@perturbation".
    within : str, list of str, or None, default None
        Metadata columns, such as "Metadata_Cell_Line", in which a well agrees with the controls it is compared with,
        beside the plate (see `normalize`); "@within".
    plate : str or list of str, default "Metadata_Plate"
        The plate of a row; "@plate".
    batch : str or list of str, default "Metadata_Batch"
        The batch of a row; "@batch".
    site : str or list of str, default "Metadata_Site"
        The laboratory of a row; "@site".
    well : str, default "Metadata_Well"
        The well of a row; "@well".
    count : str, default "Metadata_Object_Count"
        The number of cells of a row; "@count".
    plate_format : {6, 12, 24, 48, 96, 384, 1536} or None, default None
        How many wells a plate has, where its edge is empty; "@plate_format".
    features : list of str, "all", or None, default None
        Names of the features, "all" numbers without the prefix `Metadata_`, or None for what the grammar of feature
        names takes. Other measurements are left out before the first step, with a line in the ledger.
    seed : int, default 0
        Seed for the verbs that take one.

    Returns
    -------
    pandas.DataFrame
        What the last verb returns, with the ledger lines of all. ``.attrs["steps"]`` holds the steps as they were run,
        roles filled in.

    Raises
    ------
    InputError
        A verb or an option that does not exist, a role that is needed and not given, or what a verb refuses; the
        message begins with the step.

    See Also
    --------
    preset : The steps of a named pipeline.

    Notes
    -----
    In the options a text such as "@plate" stands for the argument of that name; "@reference?", with a question mark,
    may stay open, and "@batch?", "@site?" do so too where the table has no such column. The presets take "@within?":
    where nothing is said, the ledger names cell lines or time points whose controls differ.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Cells_AreaShape_Area": [9.0, 10, 11], "Cells_Count_Spots": 1.0})
    >>> done = cpf.run_steps(wells, [{"normalize": {"method": "standardize", "by": "@plate", "ddof": 1}}])
    >>> done["Cells_AreaShape_Area"].tolist()
    [-1.0, 0.0, 1.0]
    >>> done.attrs["steps"]
    [{'normalize': {'method': 'standardize', 'by': 'Metadata_Plate', 'ddof': 1}}]
    """
    checks.arguments(locals(), steps=checks.steps, plate=checks.optional(checks.columns))
    require(profiles, within, "within")  # misspelt, it would be told to no step that does not ask for it
    roles = {
        "reference": reference,
        "perturbation": by,
        "within": within,
        "plate": plate,
        "batch": batch,
        "site": site,
        "well": well,
        "count": count,
        "plate_format": plate_format,
    }
    ran: list[dict[str, Any]] = []
    table, chosen = _with_features(profiles, features)
    for number, (verb, asked) in enumerate(_listed(steps), 1):
        where = f"steps, {number} ({verb}): "
        try:
            function = _verb(verb)
            options = {name: _filled(value, roles, table) for name, value in asked.items()}
            if "seed" in inspect.signature(function).parameters:
                options.setdefault("seed", seed)
            if chosen and "features" in inspect.signature(function).parameters:
                options.setdefault("features", [name for name in chosen if name in table] or None)
            _refuse_unknown(verb, function, options)
            table = function(table, **options)
        except InputError as error:
            raise type(error)(where + str(error)) from error
        ran.append({verb: {name: _in_words(name, value) for name, value in options.items()}})
    result = table.copy(deep=False) if table is profiles else table
    result.attrs["steps"] = ran
    return result


def _with_features(profiles: pd.DataFrame, features: Sequence[str] | str | None) -> tuple[pd.DataFrame, list[str]]:
    """Return the table with no other measurements than the features that were named, and their names."""
    if features is None:
        return profiles, []
    alone, left = without_remainder(split(profiles, features), "run_steps")
    return join(alone, source=profiles, new=left), list(alone.features)


def _listed(steps: Steps) -> list[tuple[str, dict[str, Any]]]:
    """Return the verbs and their options."""
    if isinstance(steps, str):
        steps = preset(one_of("steps", steps, PRESETS))
    asked: list[tuple[str, dict[str, Any]]] = []
    for step in steps:
        for verb, options in ({step: None} if isinstance(step, str) else step).items():
            if not isinstance(options, Mapping | None):
                raise InputError(f"steps={{{verb!r}: {options!r}}}: write the options by name, such as {{'by': ...}}.")
            asked.append((verb, dict(options or {})))
    return asked


def _verb(verb: str) -> Callable[..., pd.DataFrame]:
    module = VERBS[one_of("verb", verb, VERBS)]
    return getattr(import_module(f"cellprofiling.profiles.{module}"), verb)


def _filled(value: Any, roles: Mapping[str, Any], table: pd.DataFrame) -> Any:
    """Return an option with the roles in it filled in, however deep they lie."""
    if isinstance(value, Mapping):
        return {name: _filled(item, roles, table) for name, item in value.items()}
    if isinstance(value, list | tuple):
        filled = [_filled(item, roles, table) for item in value]
        roles_alone = all(isinstance(item, str) and item.startswith("@") for item in value)
        return [name for item in filled for name in _columns(item)] if value and roles_alone else filled
    if not (isinstance(value, str) and value.startswith("@")):
        return value
    role, open_ = value[1:].removesuffix("?"), value.endswith("?")
    found = roles[one_of("role", role, roles)]
    if role in ABSENT_IS_OPEN and open_ and not set(_columns(found)) <= set(table.columns):
        return None
    if found is None and not open_:
        raise InputError(f"needs {ARGUMENTS.get(role, role)}=..., which was not given.")
    if role not in NO_COLUMNS:
        require(table, found, ARGUMENTS.get(role, role))
    return found


def _columns(names: By) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


def _refuse_unknown(verb: str, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse an option that a verb without options of methods does not have."""
    arguments = inspect.signature(function).parameters
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values()):
        return
    known = list(arguments)[1:]
    for name in options:
        if name not in known:
            raise InputError(
                f"{name}: not an option of {verb!r}; its options are {', '.join(known)}.{meant(name, known)}"
            )


def _in_words(name: str, value: Any) -> Any:
    return describe_reference(value) if name == "reference" and not isinstance(value, str | None) else value
