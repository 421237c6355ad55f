"""Draw docs/images/p_values.png: p-values where nothing is active, and control wells of a public screen as compounds.

python docs/images/p_values.py FOLDER, where the folder holds ljosa_jbiomolscreen_2013_per_well_mean.csv.gz and
BBBC021_v1_image.csv.gz of github.com/cytomining/cytominergallery (commit 05d496f1, BSD-style), inst/extdata.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

import cellprofiling as cpf
from cellprofiling.plot.style import BLUE, INK, MUTED, PAPER, VERMILION, quiet

NEGCON, DMSO = "Metadata_Role == 'negcon'", "Metadata_Compound == 'DMSO'"
FITS = {"as_given": ("profiles as given", VERMILION), "refit": ("controls refitted (default)", BLUE)}


def draw(folder: Path) -> None:
    """Write the figure beside this file."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 3.6), layout="constrained", facecolor=PAPER, width_ratios=[1, 1.2]
    )
    null(left)
    controls(folder, right)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)


def null(ax: Axes) -> None:
    """Draw the share of p-values below each p, for 1,200 compounds that do nothing."""
    for fit, (words, color) in FITS.items():
        tested = [
            cpf.activity(noise(seed), by="Metadata_Compound", reference=NEGCON, permutations=999, control_fit=fit)
            for seed in range(12)
        ]
        p = np.sort(np.concatenate([each["p_value"] for each in tested]))
        share = np.arange(1, len(p) + 1) / len(p)
        ax.step(p, share, where="post", color=color, lw=1.8, label=f"{words}: {(p <= 0.05).mean():.1%} at p ≤ 0.05")
    ax.plot([1e-3, 1], [1e-3, 1], color=MUTED, lw=0.8, ls="--", label="as it should be")
    ax.set(xscale="log", yscale="log", xlim=(1e-3, 1), ylim=(1e-3, 1), xlabel="p", ylabel="share of compounds")
    ax.set_title("1,200 compounds without an effect,\n3 wells among 16 controls of one plate", fontsize=9, color=INK)
    ax.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left")
    quiet(ax)


def noise(seed: int) -> pd.DataFrame:
    """Return a plate of pure noise with correlated features, z-scored to its 16 controls."""
    rng = np.random.default_rng(seed)
    compound = np.repeat(["DMSO", *(f"c{i:03d}" for i in range(100))], [16, *[3] * 100])
    x = rng.normal(size=(len(compound), 100)) @ (0.5 * np.eye(100) + rng.normal(size=(100, 100)) / 10)
    x = (x - x[:16].mean(axis=0)) / x[:16].std(axis=0)
    metadata = {
        "Metadata_Plate": "P",
        "Metadata_Compound": compound,
        "Metadata_Role": np.where(compound == "DMSO", "negcon", "treatment"),
    }
    return pd.concat([pd.DataFrame(metadata), pd.DataFrame(x).add_prefix("Cells_Texture_")], axis=1)


def controls(folder: Path, ax: Axes) -> None:
    """Draw the control audit of BBBC021, on the plates of its compounds."""
    means = pd.read_csv(folder / "ljosa_jbiomolscreen_2013_per_well_mean.csv.gz")
    fields = pd.read_csv(folder / "BBBC021_v1_image.csv.gz")
    place, treatment = ["Metadata_Plate", "Metadata_Well"], ["Metadata_Compound", "Metadata_Concentration"]
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound|Concentration").drop_duplicates()
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    wells = means.merge(layout.set_axis([*place, *treatment], axis=1), on=place, validate="1:1")
    scores = cpf.normalize(wells, "standardize", reference=DMSO)
    cpf.plot.audit(cpf.audit_controls(scores, reference=DMSO, by=treatment), ax=ax)
    ax.set_title("DMSO wells of BBBC021 taken for compounds", fontsize=9, color=INK)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
