"""The command line: words to recipe; it owns no logic."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import cellprofiling as cpf
from cellprofiling.core.errors import InputError

app = typer.Typer(
    help="From per-cell feature tables to a hit list that can be trusted, with a QC report beside it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

VERSION = "Print the version and stop."
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if needed.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every random number.")]


def main() -> None:
    """Run the command line; bad input is answered with one line and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"cellprofiling: {error}", file=sys.stderr)
        sys.exit(2)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"cellprofiling {cpf.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help=VERSION)] = False,
) -> None:
    """Options of the program itself."""


@app.command()
def demo(
    out: Out = Path("demo-out"),
    preset: Annotated[str, typer.Option(help="Which simulated screen.")] = "easy",
    seed: Seed = 0,
) -> None:
    """Do the whole job on a simulated screen, and compare the hits with the truth."""
    from cellprofiling.recipe.demo import run_demo

    with _progress() as tell:
        found = run_demo(preset, out, seed=seed, tell=tell)
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
    """Run a screen from cells or wells to hit list and report."""
    from cellprofiling.recipe.run import run_recipe

    with _progress() as tell:
        tables = run_recipe(recipe, out, resume=resume, tell=tell)
    hits = tables["hits"]
    print(f"{int(hits['hit'].sum())} hits among {len(hits)} perturbations")
    print("\n".join(row["message"] for row in hits.attrs["audit"]))
    print(f"hit list  {out / 'hits.csv'}\nreport    {out / 'report.html'}")


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


class _progress:
    """Show what is being done in a terminal; stay quiet elsewhere."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.status = self.console.status("starting") if self.console.is_terminal else None

    def __enter__(self) -> "_progress":
        if self.status:
            self.status.start()
        return self

    def __call__(self, words: str) -> None:
        if self.status:
            self.console.print(f"[dim]{words}[/dim]")
            self.status.update(words)

    def __exit__(self, *_: object) -> None:
        if self.status:
            self.status.stop()
