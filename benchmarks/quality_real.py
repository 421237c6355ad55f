"""What the checks say about public screens that lie beside the project, screen by screen.

python benchmarks/quality_real.py [NAME ...]
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd

import cellprofiling as cpf
from cellprofiling.quality.verdict import Quality

REAL = Path(__file__).parents[2] / "shared/data"
PLATE, WELL, COUNT = "Metadata_Plate", "Metadata_Well", "Metadata_Object_Count"


def nuclei() -> Quality:
    """Two plates of an siRNA screen for nuclear shape (Schibler 2023), their single cells flagged."""
    folder = REAL / "nucleus_columbus_screen"
    file = folder / "single_cell/secondary_screen_single_cells.parquet"
    cells = cpf.flag_cells(cpf.open_cells(file, columns={"plate": "PlateName", "well": "WellName"}))
    roles = pd.read_csv(folder / "published_secondary/validation_LMNA_LMNB_normalized_results.txt", sep="\t")
    roles = roles[["PlateName", "WellName", "treatment"]].set_axis([PLATE, WELL, "Metadata_Role"], axis=1)
    wells = cpf.annotate(cpf.aggregate(cells), roles.drop_duplicates([PLATE, WELL]), how="left")
    return cpf.check_quality(wells, reference="Metadata_Role == 'negative'", positive="Metadata_Role == 'killer'")


def bbbc021() -> Quality:
    """55 plates of 60 wells (Ljosa 2013), means of cells; six DMSO wells a plate, no cell counts."""
    folder = REAL / "bbbc021_ljosa"
    wells = pd.read_csv(folder / "ljosa_jbiomolscreen_2013_per_well_mean.csv.gz")
    wells = wells.rename(columns={"Image_Metadata_Plate": PLATE, "Image_Metadata_Well": WELL})
    images = pd.read_csv(folder / "BBBC021_v1_image.csv.gz")
    names = ["Plate_DAPI", "Well_DAPI", "Compound", "Concentration"]
    held = images[[f"Image_Metadata_{name}" for name in names]].drop_duplicates()
    held = held.set_axis([PLATE, WELL, "Metadata_Compound", "Metadata_Dose"], axis=1)
    wells = wells.merge(held, on=[PLATE, WELL], how="left")
    wells = wells.assign(Metadata_Batch=wells[PLATE].str.split("_").str[0])
    return cpf.check_quality(wells, reference="Metadata_Compound == 'DMSO'", by=["Metadata_Compound", "Metadata_Dose"])


def cdot() -> Quality:
    """JUMP-MOA plates with two dye sets, normalized to the whole plate by the authors; one layout."""
    folder = REAL / "cdot_dyes_jumpmoa/profiles_batch_level"
    files = sorted(folder.glob("*_feature_select_batch.csv.gz"))
    files = [file for file in files if "negcon" not in file.name]
    tables = [pd.read_csv(file).copy().assign(Metadata_Batch=file.name[:17]) for file in files]
    shared = [name for name in tables[0] if all(name in table for table in tables[1:])]
    wells = pd.concat([table[shared] for table in tables], ignore_index=True)
    wells = wells.assign(Metadata_Compound=wells["Metadata_broad_sample"].fillna("DMSO"))
    reference = (wells["Metadata_control_type"] == "negcon").to_numpy()
    return cpf.check_quality(wells, reference=reference, by="Metadata_Compound")


def lincs() -> Quality:
    """136 plates of A549 cells, cell counts only."""
    table = pd.read_parquet(REAL / "lincs_cell_counts/2016_04_01_a549_48hr_batch1_cell_counts.parquet")
    wells = table[["Plate", "Well", "cell_count"]].set_axis([PLATE, WELL, COUNT], axis=1)
    wells["Metadata_Compound"] = table["broad_sample"].fillna("DMSO")
    wells["Metadata_Dose"] = table["mmoles_per_liter"].fillna(0.0)
    wells["Metadata_Batch"] = table["Batch_Date"]
    return cpf.check_quality(
        wells,
        reference="Metadata_Compound == 'DMSO'",
        by=["Metadata_Compound", "Metadata_Dose"],
        order="Metadata_Batch",
    )


def kcviab() -> Quality:
    """57 plates in two replicates of a viability screen (Boutros 2004): one reading a well; a log names bad wells."""
    folder = REAL / "kcviab_boutros2004/KcViab"
    listed = pd.read_csv(folder / "Platelist.txt", sep="\t")
    plates = [
        pd.read_csv(folder / row.Filename, sep="\t", header=None, usecols=[1, 2], names=[WELL, COUNT]).assign(
            **{PLATE: f"{row.Plate:02d}-{row.Replicate}", "Metadata_Batch": f"replicate {row.Replicate}"}
        )
        for row in listed.itertuples()
    ]
    wells = pd.concat(plates, ignore_index=True)
    wells["Metadata_Compound"] = wells[PLATE].str[:2] + wells[WELL]
    return cpf.check_quality(wells, by="Metadata_Compound")


SCREENS: dict[str, Callable[[], Quality]] = {
    "nuclei": nuclei,
    "bbbc021": bbbc021,
    "cdot": cdot,
    "lincs": lincs,
    "kcviab": kcviab,
}


def main() -> None:
    for name in sys.argv[1:] or SCREENS:
        start = time.process_time()
        quality = SCREENS[name]()
        checks = quality.checks
        print(f"\n== {name}: {SCREENS[name].__doc__}\n   {quality} in {time.process_time() - start:.1f} CPU seconds")
        told = checks[(checks["level"] != "well") & checks["status"].isin(["fail", "warn", "inconclusive"])]
        for (check, status), rows in told.groupby(["id", "status"], sort=False):
            asked = checks[(checks["id"] == check) & (checks["level"] != "well")]
            print(f"   {status:13}{check:28}{len(rows):4} of {len(asked):4}  e.g. {rows['message'].iloc[0][:150]}")
        flags = quality.flags("well")["Metadata_QC_reasons"]
        print("   wells:", flags[flags != ""].value_counts().head(6).to_dict())


if __name__ == "__main__":
    main()
