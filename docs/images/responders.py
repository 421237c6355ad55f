"""Draw docs/images/responders.png and cell_cycle.png; print the tables of docs/responders.md.

python docs/images/responders.py FOLDER, where the folder holds single_cell/ and published_secondary/ of the public
screen of Schibler et al. (2023), doi 10.7554/eLife.80653.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

import cellprofiling as cpf
from cellprofiling.plot.style import BLUE, GREY, INK, LINE, MUTED, PAPER, quiet

NEGCON = "Metadata_Role == 'negcon'"
DNA = "Nuclei_Intensity_IntegratedIntensity_DNA"
SHOWN = ["LMNA", "LMNB1", "SYNE2", "killer control", "siRNA 1 without target", "siRNA 2 without target"]
KEY = ["Metadata_Plate", "Metadata_Well", "Metadata_ImageNumber", "Metadata_ObjectNumber"]


def draw(folder: Path) -> None:
    """Write the figures beside this file."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained", facecolor=PAPER)
    planted(left)
    real(folder, right)
    figure.savefig(Path(__file__).with_name("responders.png"), dpi=150)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4), layout="constrained", facecolor=PAPER)
    phases(left, right)
    figure.savefig(Path(__file__).with_name("cell_cycle.png"), dpi=150)


def planted(ax: Axes) -> None:
    """Draw what was found over what was planted, in two simulated screens."""
    parts = []
    for seed in (0, 1):
        for effect in (None, 1.0):
            screen = cpf.simulate_screen("hetero", seed=seed, effect=effect)
            options = {"by": "Metadata_Compound", "reference": NEGCON, "platemap": screen.platemap}
            found = cpf.responders(screen.cells, **options).merge(screen.truth.compounds)
            shown = cpf.exemplars(screen.cells, **options).query("role == 'changed'")
            truth = pd.concat([screen.cells[KEY], screen.truth.cells["responder"]], axis=1)
            precision = shown.merge(truth, on=KEY).groupby("Metadata_Compound")["responder"].mean()
            found["precision"] = found["Metadata_Compound"].map(precision)
            parts.append(found.assign(strength=effect or 2.0))
    found = pd.concat(parts)
    table = found.assign(
        error=(found["responder_fraction"] - found["fraction"]).abs(),
        below=found["fraction_low"] <= found["fraction"],
        tail=found["tail_p_value"] <= 0.05,
    ).groupby(["type", "strength", "fraction"])
    columns = ["responder_fraction", "fraction_low"]
    means = table[["error", "below", "tail", "precision"]].mean()
    print(pd.concat([table[columns].median(), means], axis=1).round(3).to_string())
    active = found[found["type"].isin(["active", "inert"])]
    places = {fraction: i for i, fraction in enumerate(sorted(active["fraction"].unique()))}
    rng = np.random.default_rng(0)
    x = active["fraction"].map(places) + rng.uniform(-0.3, 0.3, len(active))
    ax.vlines(x, active["fraction_low"], active["responder_fraction"], color=GREY, lw=0.8)
    ax.scatter(x, active["responder_fraction"], s=9, color=BLUE, lw=0, label="estimate, and line to the lower bound")
    for fraction, i in places.items():
        ax.plot([i - 0.4, i + 0.4], [fraction] * 2, color=INK, lw=1.6, label="planted" if i == 0 else None)
    ax.set_xticks(range(len(places)), [f"{fraction:.0%}" for fraction in places])
    ax.set(xlabel="planted share of responding cells", ylabel="found", ylim=(-0.03, 1.03))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_title("Simulated compounds, four screens", loc="left", fontsize=10, color=INK)
    ax.legend(frameon=False, fontsize=8, labelcolor=MUTED, loc="upper left")
    quiet(ax)


def read(folder: Path) -> tuple:
    """Return the nuclei, and what the wells hold."""
    file = folder / "single_cell/secondary_screen_single_cells.parquet"
    cells = cpf.open_cells(file, columns={"plate": "PlateName", "well": "WellName"})
    roles = pd.read_csv(folder / "published_secondary/validation_LMNA_LMNB_normalized_results.txt", sep="\t")
    gene = roles["gene_symbol"].where(roles["treatment"] == "sample", roles["treatment"])
    oligo = roles["oligo_id"].str[-1]
    gene = gene.where(gene != "siNEG", "siRNA " + oligo + " without target")
    gene = gene.replace({"killer": "killer control", "negative": "negative control, column 23"}).fillna("none")
    keys = roles[["PlateName", "WellName"]].set_axis(["Metadata_Plate", "Metadata_Well"], axis=1)
    return cells, keys.assign(Metadata_Gene=gene)


def real(folder: Path, ax: Axes) -> None:
    """Draw the controls of the siRNA screen against both kinds of negative controls."""
    cells, platemap = read(folder)
    column = {"Metadata_Gene": "negative control, column 23"}
    spread = {"Metadata_Gene": ["siRNA 1 without target", "siRNA 2 without target"]}
    tables = []
    for name, reference in (("column 23", column), ("wells among the samples", spread)):
        treated = {"Metadata_Gene": [*SHOWN, "negative control, column 23"]}
        found = cpf.responders(
            cells, by="Metadata_Gene", reference=reference, treated=treated, platemap=platemap
        ).assign(against=name)
        print(found.drop(columns="sentence").round(3).to_string())
        tables.append(found.set_index("Metadata_Gene"))
    shown = [*SHOWN, "negative control, column 23"]
    for i, (table, color) in enumerate(zip(tables, (GREY, BLUE), strict=True)):
        y = np.arange(len(shown)) + (i - 0.5) * 0.36
        here = table.reindex(shown)
        ax.barh(
            y,
            here["fraction_low"],
            height=0.32,
            color=color,
            lw=0,
            alpha=0.8,
            label=f"against {table['against'].iloc[0]}",
        )
        ax.plot([here["fraction_low"], here["responder_fraction"]], [y, y], color=INK, lw=1)
        ax.scatter(here["responder_fraction"], y, s=14, color=INK, marker="D", lw=0)
    ax.set_yticks(range(len(shown)), shown)
    ax.set(ylim=(len(shown) - 0.5, -0.5), xlim=(0, 1.02), xlabel="responding nuclei (bar: at least)")
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_title("siRNA screen of nuclear shape", loc="left", fontsize=10, color=INK)
    ax.legend(frameon=False, fontsize=8, labelcolor=MUTED, loc="lower right")
    quiet(ax)
    cells_shown = cpf.exemplars(
        cells,
        by="Metadata_Gene",
        reference=spread,
        treated={"Metadata_Gene": ["LMNA", "LMNB1", "SYNE2"]},
        k=2,
        platemap=platemap,
    )
    features = cells.features
    names = ["Metadata_Plate", "Metadata_Well", "Field", "Object Number"]
    values = cells.to_frame([*names, *features])
    print(
        cells_shown.merge(values, on=names)[["Metadata_Gene", "role", *names, "score", *features]].round(2).to_string()
    )


def phases(left: Axes, right: Axes) -> None:
    """Draw DNA content and phases of a simulated plate in which two compounds were made to arrest cells in G2."""
    screen = cpf.simulate_screen("null", plates=1, compounds=10, controls=16, cells_per_well=400, features=60)
    names = sorted(screen.platemap.query("Metadata_Role == 'treatment'")["Metadata_Compound"])
    cells = screen.cells.merge(screen.platemap)
    rng = np.random.default_rng(0)
    for name, share in ((names[0], 0.9), (names[1], 0.6)):
        arrested = (cells["Metadata_Compound"] == name) & (rng.random(len(cells)) < share)
        peak = cells.loc[cells[DNA] > 130, DNA]
        cells.loc[arrested, DNA] = rng.choice(peak, int(arrested.sum()))
    labelled = cpf.cell_cycle(cells, reference=NEGCON)
    cpf.plot.cell_cycle(labelled, ax=left)
    shares = cpf.annotate(cpf.cell_cycle_shares(cells, reference=NEGCON), screen.platemap)
    cpf.plot.phases(shares, by="Metadata_Compound", ax=right)
    print(labelled.attrs["cell_cycle"])
    for ax in (left, right):
        ax.spines["bottom"].set_color(LINE)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
