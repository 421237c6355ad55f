"""Draw docs/images/explanation.png and docs/images/group_heatmap.png, and print the sentences of docs/explain.md.

python docs/images/explain.py FOLDER, where the folder holds the per-well means of BBBC021 and its tables of images and
mechanisms (github.com/cytomining/cytominergallery, inst/extdata).
"""

import sys
from pathlib import Path

import pandas as pd

import cellprofiling as cpf
from cellprofiling.plot.style import PAPER

TREATMENT = ["Metadata_Compound", "Metadata_Concentration"]
DMSO = "Metadata_Compound == 'DMSO'"
SHOWN = (
    ("nocodazole", 1.0, "Intensity"),
    ("taxol", 0.3, ""),
    ("latrunculin B", 3.0, ""),
    ("cytochalasin B", 10.0, ""),
    ("etoposide", 10.0, ""),
    ("cisplatin", 10.0, ""),
)


def read_wells(folder: Path) -> pd.DataFrame:
    """Return the wells of BBBC021 with compound and concentration."""
    means = pd.read_csv(folder / "ljosa_jbiomolscreen_2013_per_well_mean.csv.gz")
    fields = pd.read_csv(folder / "BBBC021_v1_image.csv.gz")
    place = ["Metadata_Plate", "Metadata_Well"]
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound|Concentration").drop_duplicates()
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    return means.merge(layout.set_axis([*place, *TREATMENT], axis=1), on=place)


def main(folder: Path) -> None:
    """Draw both figures beside this file."""
    wells, here = read_wells(folder), Path(__file__).parent
    found = cpf.explain(wells, by=TREATMENT, reference=DMSO)
    one = found.query("Metadata_Compound == 'nocodazole' and Metadata_Concentration == 1")
    cpf.plot.explanation(one).get_figure().savefig(
        here / "explanation.png", dpi=130, facecolor=PAPER, bbox_inches="tight"
    )
    strong = found.groupby(TREATMENT)["q_value"].transform("min") < 1e-6
    ax = cpf.plot.group_heatmap(found[strong])
    ax.get_figure().savefig(here / "group_heatmap.png", dpi=110, facecolor=PAPER, bbox_inches="tight")
    summaries = cpf.summarize_hits(found, wells, by=TREATMENT, reference=DMSO).set_index(TREATMENT)
    for compound, dose, group in SHOWN:
        rows = found.query("Metadata_Compound == @compound and Metadata_Concentration == @dose").sort_values("rank")
        print(*rows.loc[rows["feature_group"].str.contains(group), "sentence"].head(3), sep="\n")
        print("  SUMMARY", summaries.loc[(compound, dose), "sentence"])
    print(one.loc[one["group"] == "Nuclei Intensity CorrTub", "sentence"].item())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
