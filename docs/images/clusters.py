"""Draw docs/images/clusters.png: where the variance of a public screen lies, and the clusters of a simulated one.

python docs/images/clusters.py FOLDER, where the folder holds profiles_batch_level/ of
github.com/broadinstitute/2022_09_07_New_phenotypic_dye_testing_CDoT_Broad (commit 6389ddcc, BSD-3).
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

import cellprofiling as cpf
from cellprofiling.plot.style import BLUE, DIVERGING, INK, MUTED, ORANGE, PAPER, quiet

LEVELS = [
    "Metadata_Plate",
    "Metadata_MoA",
    "Metadata_Compound",
    "Metadata_Well",
    ["Metadata_Plate", "Metadata_Compound"],
]
WORDS = ["plate", "mechanism", "compound", "position", "compound on\nthis plate", "residual"]
CONTROLS = "Metadata_Role == 'negcon'"


def draw(folder: Path) -> None:
    """Write the figure beside this file."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(11, 4.2), layout="constrained", facecolor=PAPER, width_ratios=[1.1, 1.1, 0.9]
    )
    budget(dyes(folder), left)
    clusters(compounds(), middle, right)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)


def dyes(folder: Path) -> pd.DataFrame:
    """Return the treated wells of four plates, each stained another way, with the features they share."""
    files = sorted(folder.glob("profiles_batch_level/*feature_select_negcon_batch.csv.gz"))
    wells = pd.concat([cpf.read_profiles(file) for file in files], join="inner", ignore_index=True)
    wells = wells.rename(columns={"Metadata_Common Name": "Metadata_Compound"})
    return wells[wells["Metadata_control_type"] != "negcon"]


def compounds() -> pd.DataFrame:
    """Return the consensus profiles of the active compounds of a simulated screen, with clusters."""
    screen = cpf.simulate_screen("easy", cells_per_well=60, compounds=120, plates=4)
    wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    wells = cpf.run_steps(wells, "single_batch", reference=CONTROLS)
    active = cpf.activity(wells, by="Metadata_Compound", reference=CONTROLS, permutations=1999).query("q_value < 0.05")
    chosen = wells[wells["Metadata_Compound"].isin(active["Metadata_Compound"])]
    profiles = cpf.consensus(chosen, "Metadata_Compound", method="modz")
    axes = cpf.embed(profiles, n_components=20)
    return cpf.cluster(axes, "agglomerative", metric="cosine", n_clusters=20)


def budget(wells: pd.DataFrame, ax: Axes) -> None:
    """Draw the share of the variance at each level, with intervals."""
    shares = cpf.variance_budget(wells, LEVELS)
    place = np.arange(len(shares))[::-1]
    ax.barh(place, shares["share"], height=0.6, color=[*[BLUE] * (len(shares) - 1), MUTED])
    ax.hlines(place, shares["ci_low"], shares["ci_high"], color=INK, linewidth=1.2)
    ax.set_yticks(place, WORDS)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_xlabel("share of the variance, mean of 320 features")
    ax.set_title("Four plates, 90 compounds, 360 positions", fontsize=10, color=INK)
    quiet(ax)


def clusters(found: pd.DataFrame, ax: Axes, beside: Axes) -> None:
    """Draw the similarity of compounds, cluster after cluster, and the stability of each cluster."""
    ordered = found.sort_values("Metadata_Cluster", kind="stable")
    image = ax.imshow(cpf.similarity(ordered), cmap=DIVERGING, vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel(f"{len(found)} active compounds, by cluster", fontsize=9, color=INK)
    ax.set_title("Cosine similarity", fontsize=10, color=INK)
    ax.figure.colorbar(image, ax=ax, shrink=0.6, ticks=[-1, 0, 1]).ax.tick_params(labelsize=8, labelcolor=MUTED)
    table = pd.DataFrame(found.attrs["clusters"])
    enriched = cpf.enrich(found, "Metadata_Mechanism").query("q_value < 0.05")["cluster"]
    color = np.where(table["cluster"].isin(enriched), BLUE, ORANGE)
    beside.barh(-table["cluster"], table["stability"], height=0.7, color=color)
    beside.axvline(0.6, color=MUTED, linewidth=1, linestyle=":")
    beside.set(xlim=(0, 1), yticks=-table["cluster"], xlabel="stability (mean Jaccard index)")
    beside.set_yticklabels([f"{row.cluster} ({row.n})" for row in table.itertuples()])
    beside.set_title("Blue: a mechanism is enriched", fontsize=10, color=INK)
    quiet(beside)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
