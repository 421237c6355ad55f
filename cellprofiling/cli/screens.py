"""The commands for a whole screen: simulate it, describe it, run it, report on it."""

from pathlib import Path
from typing import Annotated, Any

import typer

import cellprofiling as cpf
from cellprofiling.cli.program import app
from cellprofiling.cli.progress import Status

Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if needed.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every random number.")]


@app.command()
def demo(
    out: Out = Path("demo-out"),
    preset: Annotated[str, typer.Option(help="Which simulated screen.")] = "easy",
    seed: Seed = 0,
) -> None:
    """Do the whole job on a simulated screen, and compare the hits with the truth."""
    from cellprofiling.recipe.demo import run_demo

    with Status() as status:
        found = run_demo(preset, out, seed=seed, tell=status)
    print(found.sentence)
    print(f"hit list  {out / 'results' / 'hits.csv'}\nreport    {out / 'results' / 'report.html'}")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder of feature tables, with the platemap beside them.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a screen.yaml that is there.")] = False,
) -> None:
    """Look at a folder of feature tables and draft a commented screen.yaml."""
    from cellprofiling.recipe.draft import draft_recipe

    path = draft_recipe(folder, overwrite=overwrite)
    print(f"wrote {path}; read it, then: cellprofiling run {path} --out results")


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(metavar="screen.yaml", help="The description of the screen.")],
    out: Out,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep results whose inputs and settings are unchanged.")
    ] = False,
) -> None:
    """Run a screen from cells or wells to hit list and report; exit code 3 where quality.fail_on asks for it."""
    from cellprofiling.recipe.gate import read_gate
    from cellprofiling.recipe.run import run_recipe

    with Status() as status:
        tables = run_recipe(recipe, out, resume=resume, tell=status, progress=status.count)
    hits = tables["hits"]
    print(f"{int(hits['hit'].sum())} hits among {len(hits)} perturbations")
    print("\n".join(hits.attrs["sentences"]))
    gate = read_gate(recipe, out)
    print(f"quality   {gate.sentence}: {out / 'quality.json'}")
    print(f"hit list  {out / 'hits.csv'}\nreport    {out / 'report.html'}")
    if gate.stops:
        raise typer.Exit(3)


@app.command()
def simulate(
    out: Out,
    preset: Annotated[str, typer.Option(help="null, easy, library, hetero, toxic or messy.")] = "easy",
    seed: Seed = 0,
    plates: Annotated[int | None, typer.Option(min=1)] = None,
    compounds: Annotated[int | None, typer.Option(min=1)] = None,
    cells_per_well: Annotated[int | None, typer.Option(min=1)] = None,
    features: Annotated[int | None, typer.Option(min=1)] = None,
    wells_per_plate: Annotated[int | None, typer.Option(help="96 or 384.")] = None,
) -> None:
    """Write a simulated screen as a lab's folder would look, with its truth beside it."""
    sizes: dict[str, Any] = {
        "plates": plates,
        "compounds": compounds,
        "cells_per_well": cells_per_well,
        "features": features,
        "wells_per_plate": wells_per_plate,
    }
    given = {name: value for name, value in sizes.items() if value is not None}
    print(f"wrote {cpf.simulate_screen(preset, seed=seed, **given).write(out)}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Output folder of `cellprofiling run`.")],
    path: Annotated[
        Path | None, typer.Option("--path", help="The HTML file; report.html in the folder by default.")
    ] = None,
) -> None:
    """Write the report of a finished run again."""
    print(f"wrote {cpf.write_report(folder, path or folder / 'report.html')}")
