"""Draw docs/images/changes.png and docs/images/confusion.png.

python docs/images/changes_and_mechanism.py FOLDER, where the folder holds the per-well means of BBBC021 and its tables
of images and mechanisms (github.com/cytomining/cytominergallery, inst/extdata).
"""

import sys
from pathlib import Path

import pandas as pd

import cellprofiling as cpf
from cellprofiling.plot.style import PAPER

TREATMENT = ["Metadata_Compound", "Metadata_Concentration"]
MECHANISM, DMSO = "Metadata_Mechanism", "Metadata_Compound == 'DMSO'"


def read_wells(folder: Path) -> pd.DataFrame:
    """Return the wells of BBBC021 with compound, concentration, mechanism and week."""
    means = pd.read_csv(folder / "ljosa_jbiomolscreen_2013_per_well_mean.csv.gz")
    fields = pd.read_csv(folder / "BBBC021_v1_image.csv.gz")
    mechanisms = pd.read_csv(folder / "BBBC021_v1_moa.csv").set_axis([*TREATMENT, MECHANISM], axis=1)
    place = ["Metadata_Plate", "Metadata_Well"]
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound|Concentration").drop_duplicates()
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    wells = means.merge(layout.set_axis([*place, *TREATMENT], axis=1), on=place).merge(mechanisms, on=TREATMENT)
    batch = wells["Metadata_Plate"].str.split("_").str[0].rename("Metadata_Batch")
    return pd.concat([batch, wells], axis=1)


def main(folder: Path) -> None:
    """Draw both figures beside this file."""
    wells, here = read_wells(folder), Path(__file__).parent
    found = cpf.compare_features(wells, by=TREATMENT, reference=DMSO)
    one = found.query("Metadata_Compound == 'taxol' and Metadata_Concentration == 0.3")
    figure = cpf.plot.changes(one).get_figure()
    figure.savefig(here / "changes.png", dpi=130, facecolor=PAPER, bbox_inches="tight")
    scores = cpf.normalize(wells, "standardize", reference=DMSO)
    treated = scores[scores["Metadata_Compound"] != "DMSO"]
    predicted = cpf.predict_mechanism(treated, by=TREATMENT, label=MECHANISM)
    figure = cpf.plot.confusion(predicted, label=MECHANISM).get_figure()
    figure.savefig(here / "confusion.png", dpi=110, facecolor=PAPER)
    print(one.nsmallest(5, "p_value")[["feature", "difference", "hedges_g", "p_value", "q_value"]])
    print(predicted.attrs["scores"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
