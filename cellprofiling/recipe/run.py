"""Run a screen.yaml: stage after stage, each result written whole, with a record of what it was made from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core.digests import values_sha256
from cellprofiling.core.face.version import __version__
from cellprofiling.core.ledgers import ledger, written
from cellprofiling.core.progress import Tell
from cellprofiling.io.tables import write_profiles
from cellprofiling.recipe.provenance import Provenance, is_intact, read_stages
from cellprofiling.recipe.results import RESULTS
from cellprofiling.recipe.schema import Recipe, load_recipe
from cellprofiling.recipe.stages import STAGES, Run, Stage

LEDGER, REPORT = "ledger.csv", "report.html"


def run_recipe(
    path: Path, out: Path, *, resume: bool = False, tell: Callable[[str], Any] = str, progress: Tell | None = None
) -> dict[str, Any]:
    """Run a screen.yaml from cells to report and return the tables it made.

    Parameters
    ----------
    path : the screen.yaml.
    out : folder for the results; made when the first result is ready.
    resume : keep each result in `out` that was made from the same inputs, settings and version.
    tell : called with a few words before each stage.
    progress : called with a `Progress` after each plate of cells.

    Notes
    -----
    provenance.json is written after each stage, so a run that was cut off resumes where it stopped. Results of an
    earlier run that this one replaces are removed as soon as its own first result is ready, not before.
    """
    from cellprofiling.report.render import write_report

    path, out = Path(path), Path(out)
    run = Run(load_recipe(path), path.parent, {}, progress)
    tell("reading inputs")
    provenance = Provenance.begin(run.recipe, run.folder, run.cell_files)
    prints = _fingerprints(run.recipe, provenance)
    kept = _unchanged(prints, read_stages(out), out) if resume else {}
    for stage in _asked(run.recipe):
        if stage.name in kept:
            tell(f"{stage.words}: unchanged, kept")
            run.tables[stage.name] = _read(stage.name, out, kept[stage.name])
        else:
            tell(stage.words)
            run.tables[stage.name] = stage.make(run)
        stage.check(run)
        if stage.name not in kept:
            _clear(out, keep=[*kept, *provenance.stages])
            RESULTS[stage.name].write(run.tables[stage.name], out)
        provenance.record(stage.name, prints[stage.name], run.tables[stage.name], out, RESULTS[stage.name].files)
        provenance.write(out)
    tell("writing the report")
    write_profiles(ledger(run.tables["profiles"]), out / LEDGER)
    write_report(out, out / REPORT)
    return run.tables


def _asked(recipe: Recipe) -> list[Stage]:
    return [stage for stage in STAGES if stage.asked(recipe)]


def _fingerprints(recipe: Recipe, provenance: Provenance) -> dict[str, str]:
    """Return for each stage the digest of all its result depends on."""
    prints: dict[str, str] = {}
    for stage in _asked(recipe):
        settings = recipe.model_dump(include=set(stage.settings), mode="json")
        prints[stage.name] = values_sha256(
            __version__,
            provenance.inputs_of(stage.settings),
            [prints[name] for name in stage.needs if name in prints],
            stage.name,
            settings,
        )
    return prints


def _unchanged(prints: dict[str, str], earlier: dict[str, Any], out: Path) -> dict[str, Any]:
    """Return the stages of an earlier run that would come out the same and whose files are as it wrote them."""
    return {
        name: record
        for name, record in earlier.items()
        if record["fingerprint"] == prints.get(name) and is_intact(out, record["files"])
    }


def _clear(out: Path, keep: list[str]) -> None:
    """Make the folder, and remove results in it that are about to be replaced."""
    out.mkdir(parents=True, exist_ok=True)
    stale = [file for name, result in RESULTS.items() if name not in keep for file in result.files]
    for file in [*stale, LEDGER, REPORT]:
        (out / file).unlink(missing_ok=True)


def _read(name: str, out: Path, record: dict[str, Any]) -> Any:
    table = RESULTS[name].read(out)
    return written(table, new=record["ledger"]) if isinstance(table, pd.DataFrame) else table
