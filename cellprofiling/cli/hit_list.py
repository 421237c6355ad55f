"""The command for a table of wells: which perturbations are hits, and whether the list can be trusted."""

from pathlib import Path
from typing import Annotated

import typer

import cellprofiling as cpf
from cellprofiling.cli.program import app
from cellprofiling.cli.progress import Status
from cellprofiling.core.errors import one_of

DOSE = "Column of doses: which are hits is decided after which perturbations are."
METHOD = "The statistic that is tested: map, mahalanobis, energy or replicate_correlation."
REFERENCE = "A query for the control wells: \"Metadata_Role == 'negcon'\"."
WITHIN = 'Columns in which a well and its controls agree, with commas, as cell line or time point; "" for none.'
OUT = "The hit list: .csv, .tsv, .parquet or .xlsx; a .json with its audits is written beside it."


def _method(name: str) -> str:
    """Return the name of a statistic, before anything is read for it."""
    from cellprofiling.guide.method_tables import records

    return one_of("--method", name, records("rank_hits", "method"))


@app.command()
def hits(
    profiles: Annotated[Path, typer.Argument(metavar="PROFILES", help="Normalized wells: .parquet, .csv, .h5ad ...")],
    by: Annotated[str, typer.Option(help="Columns that name a perturbation, with commas.")],
    reference: Annotated[str, typer.Option(help=REFERENCE)],
    out: Annotated[Path, typer.Option("--out", "-o", help=OUT)] = Path("hits.csv"),
    dose: Annotated[str | None, typer.Option(help=DOSE)] = None,
    within: Annotated[str | None, typer.Option(help=WITHIN)] = None,
    method: Annotated[str, typer.Option(help=METHOD, callback=_method)] = "map",
    blocks: Annotated[bool, typer.Option("--blocks", help="Test the blocks of a fingerprint one by one.")] = False,
    fdr: Annotated[float, typer.Option(help="False discovery rate of the list.")] = 0.05,
    plate: Annotated[str, typer.Option(help="Column of plates.")] = "Metadata_Plate",
    well: Annotated[str, typer.Option(help="Column of wells.")] = "Metadata_Well",
    count: Annotated[str, typer.Option(help="Column of cell counts.")] = "Metadata_Object_Count",
    permutations: Annotated[int, typer.Option(min=1, help="Random assignments per test, at most.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random number.")] = 0,
) -> None:
    """Rank perturbations by the evidence that they differ from the controls of their plates, and audit the list."""
    with Status() as status:
        status("testing perturbations")
        found = cpf.rank_hits(
            cpf.read_profiles(profiles),
            by=by.split(","),
            reference=reference,
            dose=dose,
            within=None if within is None else [name for name in within.split(",") if name],
            plate=plate,
            well=well,
            count=count,
            fdr=fdr,
            method=method,
            blocks=blocks or None,
            permutations=permutations,
            seed=seed,
        )
        cpf.write_hits(found, out)
    print(f"{int(found['hit'].sum())} hits among {len(found)} perturbations at a false discovery rate of {fdr:g}")
    print("\n".join(found.attrs["sentences"]))
    print(f"hit list  {out}")
