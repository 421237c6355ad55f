"""What a reader of the results should cite: the methods that made them."""

from collections.abc import Iterator, Mapping
from typing import Any

from cellprofiling.guide.method_tables import TABLES, records
from cellprofiling.profiles.pipeline.presets import PRESETS
from cellprofiling.profiles.selection.selection import DEFAULT_STEPS
from cellprofiling.report.record.sources import Sources

SOFTWARE = "cellprofiling, the version named below"
RATE = "q: Benjamini and Hochberg, J. R. Stat. Soc. B 57, 289 (1995), doi 10.1111/j.2517-6161.1995.tb02031.x"
CHANCE = "p: Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), doi 10.2202/1544-6115.1585"
FITTED = "rows and columns of plates: Tukey's median polish, Brideau et al., J. Biomol. Screen. 8, 634 (2003), "
FITTED += "doi 10.1177/1087057103258285"
INSIDE = {"correct_position_if_needed": "correct_position", "normalize_few": "normalize"}  # the verb a step runs

Step = tuple[str, Mapping[str, Any]]


def citations(sources: Sources) -> list[str]:
    """Return the references of the methods that were used, as far as the record of the run names them."""
    methods = [line for verb, options in _steps(sources) for line in _cited(INSIDE.get(verb, verb), options)]
    inference = [CHANCE, RATE] if sources.parameters else []
    return [SOFTWARE, *dict.fromkeys(methods), *inference, FITTED]


def _steps(sources: Sources) -> Iterator[Step]:
    """Give the verbs that were run, with their options."""
    recipe = (sources.provenance or {}).get("parameters") or {}
    yield from _pipeline(sources, recipe)
    if recipe.get("embed"):
        yield "embed", recipe["embed"]
    if sources.parameters:
        yield "rank_hits", sources.parameters
    if sources.explanations is not None and recipe.get("explain"):
        yield "explain", recipe["explain"]


def _pipeline(sources: Sources, recipe: Mapping[str, Any]) -> Iterator[Step]:
    """Give the steps from wells to profiles: as they ran, as they were asked for, or the usual ones of a recipe."""
    ran = None if sources.profiles is None else sources.profiles.attrs.get("steps")
    steps = ran or recipe.get("steps")
    if steps:
        for step in PRESETS[steps].steps if isinstance(steps, str) else steps:
            yield from ((verb, options or {}) for verb, options in _named(step))
        return
    for verb in ("normalize", "select_features"):
        if recipe.get(verb):
            yield verb, recipe[verb]


def _cited(verb: str, options: Mapping[str, Any]) -> Iterator[str]:
    """Give a line for each method of a verb that has a reference."""
    for argument in TABLES.get(verb, ()):
        methods = records(verb, argument)
        asked = options.get(argument, DEFAULT_STEPS if argument == "steps" else next(iter(methods)))
        names = [asked] if isinstance(asked, str) else DEFAULT_STEPS if asked is None and argument == "steps" else asked
        for name, _ in (pair for item in names or () for pair in _named(item)):
            if name in methods and methods[name].reference:
                yield f"{verb}, {name}: {methods[name].reference}".replace(
                    "https://doi.org/", "doi "
                )  # a page names no address


def _named(step: str | Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(step, None)] if isinstance(step, str) else list(step.items())
