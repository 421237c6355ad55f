"""Draw docs/images/context.png: a feature against the local density, before and after the correction."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

import cellprofiling as cpf

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.cells.place.test_context import NEGATIVE, crowded, hits

CONTROL, THIN = "#9aa3ad", "#d55e00"


def main() -> None:
    """Draw the screen of the test: cells in clusters, a compound that kills two thirds of them."""
    cells = cpf.measure_neighborhood(crowded(effect=0.8), radius=100)
    corrected = cpf.correct_context(cells, reference=NEGATIVE)
    print("before", hits(cells).to_dict(), "after", hits(corrected).to_dict())
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3), sharey=True, layout="constrained")
    for ax, table, title in zip(axes, (cells, corrected), ("as measured", "corrected"), strict=True):
        for name, color in (("none", CONTROL), ("thin", THIN)):
            here = table[table["Metadata_Compound"] == name]
            density = 1e4 * here["Metadata_Local_Density"]
            ax.plot(density, here["Cells_Texture_T3_DNA"], ".", ms=2, color=color, alpha=0.35)
            label = {"none": "controls", "thin": "kills two thirds"}[name]
            ax.axhline(here["Cells_Texture_T3_DNA"].mean(), color=color, lw=2, label=f"mean: {label}")
        ax.set(title=title, xlabel="neighbors per 100 x 100 pixels", ylim=(-3.5, 4.5))
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("a texture")
    axes[1].legend(frameon=False, fontsize=8, loc="upper right")
    fig.savefig(Path(__file__).with_suffix(".png"), dpi=150)


if __name__ == "__main__":
    main()
