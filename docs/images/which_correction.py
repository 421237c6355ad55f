"""Draw docs/images/which_correction_*.png: two simulated screens, and the plates of JUMP-MOA with other dyes.

python docs/images/which_correction.py FOLDER, where the folder holds profiles_batch_level/ of the dyes
(github.com/broadinstitute/2022_09_07_New_phenotypic_dye_testing_CDoT_Broad). Without it, the simulated screens alone.
"""

import sys
from pathlib import Path

import pandas as pd

import cellprofiling as cpf
from cellprofiling.plot.style import PAPER
from cellprofiling.simulate.faults.batch_screen import simulate_batches

BATCH, COMPOUND, NEGCON = "Metadata_Batch", "Metadata_Compound", "Metadata_Role == 'negcon'"
DESIGN = {"batch": BATCH, "by": COMPOUND, "reference": NEGCON}


def combat(profiles: pd.DataFrame) -> pd.DataFrame:
    """Correct by all wells, whatever batches hold."""
    return cpf.correct_batch(profiles, "combat", **DESIGN, allow_confounded=True)


def harmony(profiles: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Correct by all wells, whatever batches hold."""
    return cpf.correct_batch(profiles, "harmony", **DESIGN, allow_confounded=True, seed=seed)


def anchored(method: str) -> list[dict]:
    """Return the steps of a correction that learns from controls."""
    options = {"method": method, "batch": "@batch", "anchors": "reference", "reference": "@reference"}
    return [{"correct_batch": options}]


def dyes(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return four plates with other dyes, and the features they share, clipped at 50."""
    files = sorted((folder / "profiles_batch_level").glob("*_feature_select_negcon_batch.csv.gz"))
    tables = [pd.read_csv(file) for file in files]
    shared = [name for name in tables[0] if not name.startswith("Metadata_") and all(name in one for one in tables)]
    wells = pd.concat(tables, ignore_index=True)
    metadata = wells[["Metadata_Plate", "Metadata_Well", "Metadata_MoA"]].assign(
        **{COMPOUND: wells["Metadata_broad_sample"].fillna("DMSO")}
    )
    return pd.concat([metadata, wells[shared].clip(-50, 50)], axis=1), shared


def save(table: pd.DataFrame, name: str) -> None:
    """Write the figure of a comparison beside this file, and say what was recommended."""
    figure = cpf.plot.corrections(table).figure
    figure.set_facecolor(PAPER)
    figure.savefig(Path(__file__).with_name(f"which_correction_{name}.png"), dpi=130)
    print(name, table.attrs["recommendation"]["sentence"])
    print(table.set_index(["metric", "candidate"])["value"].unstack().round(3).to_string())  # noqa: PD010


if __name__ == "__main__":
    candidates = {"linear, anchored": anchored("linear"), "combat, anchored": anchored("combat"), "combat": combat}
    candidates |= {"harmony, anchored": anchored("harmony"), "harmony": harmony}
    for library in ("balanced", "split"):
        screen = simulate_batches(library, compounds=120, features=100)
        wells = screen.wells if library == "balanced" else cpf.normalize(screen.wells, reference=NEGCON)
        save(cpf.compare_corrections(wells, candidates, **DESIGN, label="Metadata_Mechanism"), library)
    if len(sys.argv) > 1:
        wells, shared = dyes(Path(sys.argv[1]))
        told = {"batch": "Metadata_Plate", "by": COMPOUND, "reference": {COMPOUND: "DMSO"}, "features": shared}
        save(cpf.compare_corrections(wells, **told, label="Metadata_MoA"), "dyes")
