"""The command for a table of wells: whether the screen can be trusted."""

from pathlib import Path
from typing import Annotated

import typer

import cellprofiling as cpf
from cellprofiling.cli.program import app
from cellprofiling.cli.progress import Status
from cellprofiling.core.errors import one_of
from cellprofiling.io.hit_lists import read_hits

WELLS = "One row per well, as `cellprofiling aggregate` writes it: a file or a folder of files."
PLATEMAP = "What each well should hold; metadata that the wells lack is looked up there."
REFERENCE = "A query for the negative control wells: \"Metadata_Role == 'negcon'\"."
POSITIVE = "A query for the positive control wells."
BY = "Columns that name a perturbation, with commas."
PROFILES = "The same wells with normalized features; without them, features are scaled plate by plate."
HITS = "The hit list of `cellprofiling hits`, with its .json beside it."
CELLS = "Single cells with flags; read a plate at a time."
IMAGES = "A table with ImageQuality_ columns, one row per image."
READOUT = "A feature in which controls must lie apart, named before looking; may be given again."
ORDER = "Column that sorts plates by acquisition: a date or number."
THRESHOLDS = "YAML with numbers to use in place of ours, and a list of waivers."
FAIL_ON = "What makes the exit code 3: never, fail, warn or inconclusive."


@app.command()
def qc(
    wells: Annotated[Path, typer.Argument(metavar="WELLS", help=WELLS)],
    platemap: Annotated[Path | None, typer.Option(help=PLATEMAP)] = None,
    reference: Annotated[str | None, typer.Option(help=REFERENCE)] = None,
    positive: Annotated[str | None, typer.Option(help=POSITIVE)] = None,
    by: Annotated[str | None, typer.Option(help=BY)] = None,
    profiles: Annotated[Path | None, typer.Option(help=PROFILES)] = None,
    readout: Annotated[list[str] | None, typer.Option(help=READOUT)] = None,
    hits: Annotated[Path | None, typer.Option(help=HITS)] = None,
    cells: Annotated[Path | None, typer.Option(help=CELLS)] = None,
    images: Annotated[Path | None, typer.Option(help=IMAGES)] = None,
    order: Annotated[str | None, typer.Option(help=ORDER)] = None,
    batch: Annotated[str, typer.Option(help="Column of batches.")] = "Metadata_Batch",
    plate: Annotated[str, typer.Option(help="Column of plates.")] = "Metadata_Plate",
    well: Annotated[str, typer.Option(help="Column of wells.")] = "Metadata_Well",
    count: Annotated[str, typer.Option(help="Column of cell counts.")] = "Metadata_Object_Count",
    thresholds: Annotated[Path | None, typer.Option(help=THRESHOLDS)] = None,
    fail_on: Annotated[str, typer.Option("--fail-on", help=FAIL_ON)] = "fail",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; made if needed.")] = Path("qc"),
) -> None:
    """Check whether a screen can be trusted; exit code 3 if not, after everything is written."""
    from cellprofiling.quality.settings import FAIL_ON, read_settings

    one_of("--fail-on", fail_on, FAIL_ON)
    limits, waivers = read_settings(thresholds) if thresholds else ({}, [])
    with Status() as status:
        status("checking quality")
        found = cpf.check_quality(
            cpf.read_profiles(wells),
            platemap=cpf.read_platemap(platemap) if platemap else None,
            reference=reference,
            positive=positive,
            by=by.split(",") if by else None,
            profiles=cpf.read_profiles(profiles) if profiles else None,
            readouts=readout,
            hits=read_hits(hits) if hits else None,
            cells=cells,
            images=images,
            order=order,
            batch=batch,
            plate=plate,
            well=well,
            count=count,
            thresholds=limits,
            waivers=waivers,
        )
        found.write(out)
    print("\n".join(found.summary()))
    print(f"written       {out}: quality.json, checks.csv, checks.parquet, flags_*.parquet, junit.xml")
    if found.stops(fail_on):
        raise typer.Exit(3)
