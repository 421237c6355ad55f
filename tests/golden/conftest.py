"""Public screens that several golden tests read."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def bbbc021(real_data: Callable[[str], Path]) -> pd.DataFrame:
    """Return the well means of BBBC021 (Ljosa et al. 2013) with compound and concentration, not normalized."""
    means = pd.read_csv(real_data("bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz"))
    fields = pd.read_csv(real_data("bbbc021_ljosa/BBBC021_v1_image.csv.gz"))
    place = ["Metadata_Plate", "Metadata_Well"]
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound|Concentration").drop_duplicates()
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    named = layout.set_axis([*place, "Metadata_Compound", "Metadata_Concentration"], axis=1)
    return means.merge(named, on=place, validate="1:1")
