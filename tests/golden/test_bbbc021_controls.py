"""Real control wells as pseudo-compounds: the test is calibrated, and position is what fools it.

DMSO wells of BBBC021 (Ljosa et al. 2013, https://doi.org/10.1177/1087057113503553): six a plate, the same six positions
on each of 55 plates.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf

pytestmark = pytest.mark.real


def test_position_and_not_chance_calls_controls_active(real_data: Callable[[str], Path]) -> None:
    """At different positions DMSO is called active no more often than allowed, at one position far more."""
    means = pd.read_csv(real_data("bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz"))
    fields = pd.read_csv(real_data("bbbc021_ljosa/BBBC021_v1_image.csv.gz"))
    place = ["Metadata_Plate", "Metadata_Well"]
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound").drop_duplicates()
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    wells = means.merge(layout.set_axis([*place, "Metadata_Compound"], axis=1), on=place, validate="1:1")
    dmso = "Metadata_Compound == 'DMSO'"
    scores = cpf.normalize(wells, "standardize", reference=dmso)
    audit = cpf.audit_controls(scores, reference=dmso, n_wells=3).set_index("layout")
    chance, position = audit.loc["different positions"], audit.loc["same position"]
    assert chance["n"] == 200
    assert chance["rate"] <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 200)
    assert position["n"] > 100
    assert position["ci_low"] > max(0.1, chance["ci_high"])
