"""The program: its name, its version, and what bad input looks like."""

import sys
from typing import Annotated

import typer

import cellprofiling as cpf
from cellprofiling.core.errors import InputError

app = typer.Typer(
    help="From per-cell feature tables to a hit list that can be trusted, with a QC report beside it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

VERSION = "Print the version and stop."


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
