"""Draw docs/images/fingerprints.png: three simulated compounds, one for each block that finds it.

python docs/images/fingerprints.py
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import cellprofiling as cpf
from cellprofiling.plot.style import INK, PAPER
from cellprofiling.simulate.presets import REALISTIC, Cohort
from cellprofiling.simulate.screen import build

CONTROLS = "Metadata_Role == 'negcon'"
COHORTS = {
    "all cells shift by 0.35 SD": Cohort("active", 0.2, effect=0.35),
    "cells spread by 0.8 SD to both sides": Cohort("dispersion", 0.2, effect=0.8),
    "5 % of the cells shift by 2.5 SD": Cohort("active", 0.2, effect=2.5, fraction=0.05),
}


def draw() -> None:
    """Write the figure beside this file."""
    preset = replace(REALISTIC, cohorts=tuple(COHORTS.values()), controls=32, cells_per_well=200, compounds=40)
    screen = build("blocks", preset, 3)
    table = cpf.fingerprint(screen.cells, reference=CONTROLS, platemap=screen.platemap)
    wells = cpf.annotate(table, screen.platemap)
    found = cpf.activity(wells, by="Metadata_Compound", reference=CONTROLS, blocks=True)
    scored = cpf.normalize(wells, "standardize", reference=CONTROLS)
    figure, rows = plt.subplots(3, 1, figsize=(9, 6.6), layout="constrained", facecolor=PAPER)
    for ax, (words, cohort) in zip(rows, COHORTS.items(), strict=True):
        name = compound(screen.truth.compounds, cohort)
        cpf.plot.fingerprint(scored[scored["Metadata_Compound"] == name], limit=6, ax=ax)
        label = found.set_index("Metadata_Compound").loc[name, "block"]
        ax.set_title(f"{words}: {label}", loc="left", fontsize=9, color=INK, pad=16)
    for ax in rows[:2]:
        ax.set_xticks([])
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)


def compound(truth: pd.DataFrame, cohort: Cohort) -> str:
    """Return the first compound of a cohort."""
    members = truth[(truth["type"] == cohort.type) & (truth["fraction"] == cohort.fraction)]
    return members["Metadata_Compound"].iloc[0]


if __name__ == "__main__":
    draw()
