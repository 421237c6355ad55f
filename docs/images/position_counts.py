"""Draw docs/images/position_counts.png: the position effect on the cell counts of a public screen, before and after.

python docs/images/position_counts.py FOLDER, where the folder holds the cell counts of
github.com/broadinstitute/lincs-cell-painting (commit 06187012, data CC0) joined with their platemaps.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import cellprofiling as cpf
from cellprofiling.core.plates import parse_wells
from cellprofiling.plot.style import DIVERGING, PAPER

COUNT = "Cells_LogCount"
NEGCON = "Metadata_Role == 'negcon'"


def read_counts(folder: Path) -> pd.DataFrame:
    """Return log2 cell counts of 136 plates, with 24 DMSO wells each."""
    counts = pd.read_parquet(folder / "2016_04_01_a549_48hr_batch1_cell_counts.parquet")
    return pd.DataFrame(
        {
            "Metadata_Plate": counts["Plate"],
            "Metadata_Well": counts["Well"],
            "Metadata_Batch": counts["Batch_Number"].astype(str),
            "Metadata_Role": np.where(counts["broad_sample"].isna(), "negcon", "treatment"),
            COUNT: np.log2(counts["cell_count"].clip(lower=1)),
        }
    )


def by_position(wells: pd.DataFrame) -> np.ndarray:
    """Return the median over plates of each position, less the median of the plate."""
    level = wells[COUNT] - wells.groupby("Metadata_Plate")[COUNT].transform("median")
    at = parse_wells(wells["Metadata_Well"])
    places = pd.DataFrame({"row": at.row, "column": at.column, "level": level})
    return places.pivot_table(index="row", columns="column", values="level", aggfunc="median").to_numpy()


def draw(folder: Path) -> None:
    """Write the figure beside this file."""
    wells = read_counts(folder)
    options = {"features": [COUNT]}
    panels = {
        "as measured": wells,
        "control surface, one per batch": cpf.correct_position(
            wells, reference=NEGCON, pool_by="Metadata_Batch", **options
        ),
        "median polish": cpf.correct_position(wells, "median_polish", **options),
    }
    figure, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained", facecolor=PAPER)
    for ax, (title, table) in zip(axes, panels.items(), strict=True):
        image = ax.imshow(by_position(table), cmap=DIVERGING, vmin=-0.6, vmax=0.6)
        ax.set(title=title, xlabel="column")
        ax.set_xticks([0, 11, 23], ["1", "12", "24"])
        ax.set_yticks([0, 7, 15], ["A", "H", "P"])
    figure.colorbar(image, ax=axes, label="log2 count less plate median", shrink=0.9)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
