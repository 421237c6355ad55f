"""Draw docs/images/cell_quality.png from the public screen of Schibler et al. (2023), doi 10.7554/eLife.80653.

python docs/images/cell_quality.py FOLDER, where the folder holds single_cell/ and published_secondary/.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

import cellprofiling as cpf
from cellprofiling.plot.style import BLUE, GREY, INK, MUTED, ORANGE, PAPER, VERMILION, quiet

AREA, ROUNDNESS = "Nuclei Selected - Nucleus Area [µm²]", "Nuclei Selected - Nucleus Roundness"
PLATE = "HTIF00183"
RULES = {"Small": (VERMILION, "v"), "Merged": (BLUE, "s"), "Large": (ORANGE, "^")}
ROLES = {"negative": "negative\ncontrol", "sample": "sample", "LMNA": "LMNA", "LMNB1": "LMNB1", "SYNE2": "SYNE2"}
ROLES["killer"] = "killer\ncontrol"


def draw(folder: Path) -> None:
    """Write the figure beside this file."""
    file = folder / "single_cell/secondary_screen_single_cells.parquet"
    cells = cpf.open_cells(file, columns={"plate": "PlateName", "well": "WellName"}).to_frame()
    flagged = cpf.flag_cells(cells)
    roles = pd.read_csv(folder / "published_secondary/validation_LMNA_LMNB_normalized_results.txt", sep="\t")
    roles = roles[["PlateName", "WellName", "treatment"]].set_axis(["Metadata_Plate", "Metadata_Well", "role"], axis=1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained", facecolor=PAPER)
    nuclei(flagged[flagged["Metadata_Plate"] == PLATE], pd.DataFrame(flagged.attrs["limits"]), left)
    wells(flagged.merge(roles), right)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)


def nuclei(cells: pd.DataFrame, limits: pd.DataFrame, ax: Axes) -> None:
    """Draw area and roundness of the nuclei of one plate, those that are flagged in color."""
    kept = cells[~cells["Metadata_QC_Flagged"]].sample(12_000, random_state=0)
    ax.scatter(kept[AREA], kept[ROUNDNESS], s=2, color=GREY, alpha=0.35, linewidths=0, label="kept", rasterized=True)
    for rule, (color, marker) in RULES.items():
        some = cells[cells[f"Metadata_QC_{rule}"]]
        ax.scatter(
            some[AREA], some[ROUNDNESS], s=9, color=color, marker=marker, alpha=0.6, linewidths=0, label=rule.lower()
        )
    here = limits[limits["Metadata_Plate"] == PLATE].set_index(["rule", "feature"])
    small, large = here.loc[("small", AREA), "low"], here.loc[("large", AREA), "high"]
    for limit, rule in ((small, "Small"), (large, "Large")):
        ax.axvline(limit, color=RULES[rule][0], linewidth=0.8, linestyle="--")
    merged = here.loc[("merged", AREA), "high"], here.loc[("merged", ROUNDNESS), "low"]
    ax.plot([merged[0], merged[0], 2500], [0.3, merged[1], merged[1]], color=BLUE, linewidth=0.8, linestyle="--")
    ax.set(xscale="log", xlim=(45, 2500), ylim=(0.3, 1.08), xlabel="area of the nucleus [µm²]", ylabel="roundness")
    ax.set_xticks([50, 100, 200, 500, 1000, 2000], ["50", "100", "200", "500", "1000", "2000"])
    ax.set_title(f"Nuclei of plate {PLATE}", loc="left", fontsize=10, color=INK)
    ax.legend(frameon=False, fontsize=8, labelcolor=MUTED, loc="lower left", bbox_to_anchor=(0.22, 0), markerscale=2)
    ax.minorticks_off()
    quiet(ax)


def wells(cells: pd.DataFrame, ax: Axes) -> None:
    """Draw the share of flagged cells of each well, by what the well holds."""
    share = cells.groupby(["role", "Metadata_Plate", "Metadata_Well"], observed=True)["Metadata_QC_Flagged"].mean()
    rng = np.random.default_rng(0)
    for place, role in enumerate(ROLES):
        y = share.loc[role].to_numpy()
        color = np.where(y > 0.2, VERMILION, GREY)
        ax.scatter(place + rng.uniform(-0.25, 0.25, len(y)), y, s=12, c=color, alpha=0.6, linewidths=0)
        ax.plot([place - 0.3, place + 0.3], [np.median(y)] * 2, color=INK, linewidth=1.5)
    ax.axhline(0.2, color=VERMILION, linewidth=0.8, linestyle="--")
    ax.set_xticks(range(len(ROLES)), list(ROLES.values()))
    ax.set(ylim=(-0.01, 0.4), ylabel="flagged cells of a well")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_title("Wells of both plates; above the line: in the ledger", loc="left", fontsize=10, color=INK)
    quiet(ax)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
