"""The commands for cells: to wells plate by plate, and to the fast layout."""

import sys
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
import yaml

import cellprofiling as cpf
from cellprofiling.cli.program import app
from cellprofiling.cli.progress import Bar
from cellprofiling.core.errors import InputError

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders of cells.")]
Folder = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; made if needed.")]
Format = Annotated[str, typer.Option("--format", help="How the cells lie in the files.")]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the format; can be repeated.")
]


@app.command()
def aggregate(
    paths: Paths,
    out: Folder,
    by: Annotated[str, typer.Option(help="Columns that make a group, with commas.")] = "Metadata_Plate,Metadata_Well",
    statistics: Annotated[str, typer.Option(help="One or more, with commas: median,mad,q95.")] = "median",
    min_cells: Annotated[int, typer.Option(min=1, help="Wells with fewer cells are left out.")] = 1,
    exclude: Annotated[str | None, typer.Option(help="A query for cells to leave out.")] = None,
    flag_cells: Annotated[bool, typer.Option("--flag-cells", help="Leave out cells of poor quality.")] = False,
    format: Format = "auto",
    option: Options = None,
    executor: Annotated[str, typer.Option(help="local, dask, slurm, or tcp://... of a Dask scheduler.")] = "local",
    workers: Annotated[int | None, typer.Option(min=1, help="How many plates to have in work at a time.")] = None,
    retries: Annotated[int, typer.Option(min=0, help="New attempts after a worker died.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Keep results that would come out the same.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
) -> None:
    """Aggregate cells to wells, a small file for each plate; exit code 1 if a plate failed."""
    words = "planning" if dry_run else "cells to wells"
    names = statistics.split(",")
    with Bar(words) as bar:
        plates = cpf.aggregate_plates(
            paths,
            out,
            by.split(","),
            statistics=names if len(names) > 1 else names[0],
            min_cells=min_cells,
            exclude=exclude,
            flag_cells=flag_cells,
            format=format,
            options=parsed(option or []),
            executor=executor,
            workers=workers,
            retries=retries,
            resume=resume,
            dry_run=dry_run,
            progress=bar,
        )
    _print_removed(plates)
    print(_planned(plates) if dry_run else f"{_counted(plates)} in {out}")
    failed = plates[plates["status"] == "failed"]
    for plate, reason in zip(failed["plate"], failed["reason"], strict=True):
        print(f"cellprofiling: plate {plate!r} failed: {reason}", file=sys.stderr)
    if len(failed):
        raise typer.Exit(1)


@app.command()
def convert(
    path: Annotated[Path, typer.Argument(help="File or folder of cells.")],
    out: Folder,
    format: Format = "auto",
    option: Options = None,
) -> None:
    """Write cells as parquet, a file for each plate, in the layout that is read fastest."""
    cells = cpf.open_cells(path, format=format, **parsed(option or []))
    with Bar("converting") as bar:
        cells.write(out, progress=bar)
    files = sorted(out.glob("*.parquet"))
    print(f"wrote {len(files)} plates, {sum(file.stat().st_size for file in files) / 1e6:,.1f} MB, in {out}")


def parsed(options: list[str]) -> dict[str, Any]:
    """Return KEY=VALUE words as a dict; a value in braces or brackets is read as YAML."""
    bad = [word for word in options if "=" not in word]
    if bad:
        raise InputError(f"--option {bad[0]!r}: write it as KEY=VALUE.")
    pairs = [word.split("=", 1) for word in options]
    return {key: yaml.safe_load(value) if value.startswith(("{", "[")) else value for key, value in pairs}


def _print_removed(plates: pd.DataFrame) -> None:
    lines = cpf.ledger(plates)
    removed = int(lines["reason"].str.startswith("result of an earlier run").sum())
    if removed:
        print(f"{removed} results of an earlier run were removed and made again; --resume keeps them")


def _counted(plates: pd.DataFrame) -> str:
    counts = plates["status"].value_counts()
    words = ", ".join(f"{counts[status]} {status}" for status in ("done", "kept", "failed") if status in counts)
    return f"{len(plates)} plates ({words}): {plates['n_cells'].sum():,} cells to {plates['n_wells'].sum():,} wells"


def _planned(plates: pd.DataFrame) -> str:
    """Return the forecast of a dry run as lines of a table."""
    plan, kept = plates.attrs["forecast"], int((plates["status"] == "kept").sum())
    seconds = plan["seconds"]
    rows = {
        "plates": f"{plan['plates']} to do" + (f", {kept} kept" if kept else ""),
        "cells": f"{plan['cells']:,}" if plan["cells_known"] else "not known before they are read",
        "bytes": f"{plan['size'] / 1e9:,.2f} GB",
        "workers": f"{plan['workers']}, {plan['threads']} threads each",
        "memory": f"about {plan['memory'] / 1e9:,.1f} GB for each worker",
        "time": "not known" if seconds is None else f"about {_duration(seconds)} (measured on {plan['trial']})",
    }
    return "\n".join([*(f"{name:<9}{value}" for name, value in rows.items()), "nothing was written"])


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
