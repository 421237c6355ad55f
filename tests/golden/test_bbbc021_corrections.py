"""A real screen end to end: mechanisms of 103 treatments of BBBC021, from the per-well means of Ljosa et al. (2013).

The recipe was fixed before its result was seen and has no knob: features standardized to the DMSO wells of each
plate, the mean over the replicates of compound and concentration, and the mechanism of the nearest other compound by
cosine. Ljosa, V. et al. Journal of Biomolecular Screening 18 (2013), https://doi.org/10.1177/1087057113503553.
"""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf

pytestmark = pytest.mark.real

TREATMENT = ["Metadata_Compound", "Metadata_Concentration"]


@pytest.fixture(scope="module")
def wells(real_data):
    means = pd.read_csv(real_data("bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz"))
    fields = pd.read_csv(real_data("bbbc021_ljosa/BBBC021_v1_image.csv.gz"))
    mechanisms = pd.read_csv(real_data("bbbc021_ljosa/BBBC021_v1_moa.csv"))
    place = ["Metadata_Plate", "Metadata_Well"]
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound|Concentration").drop_duplicates()
    layout = layout.set_axis([*place, *TREATMENT], axis=1)
    mechanisms = mechanisms.set_axis([*TREATMENT, "Metadata_Mechanism"], axis=1)
    return means.merge(layout, on=place, validate="1:1").merge(mechanisms, on=TREATMENT, validate="m:1")


def right_mechanisms(wells, features=None):
    """Return how many treatments have the mechanism of the most similar treatment with another compound."""
    scores = cpf.normalize(wells, "standardize", reference="Metadata_Compound == 'DMSO'", features=features)
    features = features and [name for name in features if name in scores]
    treated = scores[scores["Metadata_Compound"] != "DMSO"]
    treatments = cpf.consensus(treated, TREATMENT, method="mean", features=features)
    alike = cpf.similarity(treatments, features=features).to_numpy()
    compound, mechanism = treatments["Metadata_Compound"].to_numpy(), treatments["Metadata_Mechanism"].to_numpy()
    nearest = np.where(compound[:, None] == compound, -np.inf, alike).argmax(axis=1)
    return len(treatments), int((mechanism[nearest] == mechanism).sum())


def test_the_screen_is_the_published_one(wells):
    assert len(wells) == 632
    assert wells["Metadata_Plate"].nunique() == 55
    assert (wells["Metadata_Compound"] == "DMSO").sum() == 330


def test_all_516_features_find_84_of_103_mechanisms(wells):
    """All numbers of the file, positions and object numbers among them, as it was published."""
    features = [name for name in wells if not name.startswith("Metadata_")]
    assert len(features) == 516
    assert right_mechanisms(wells, features) == (103, 84)


def test_without_positions_and_object_numbers_it_is_85(wells):
    """What the grammar of feature names takes for features by itself: 64 columns fewer, one mechanism more."""
    assert right_mechanisms(wells) == (103, 85)
