"""Real plates turned on purpose, a real plate that is not what its map says, and real wells swapped on purpose.

LINCS Cell Painting cell counts (Way et al. 2022, https://doi.org/10.1016/j.cels.2022.10.001) and BBBC021 profiles
(Ljosa et al. 2013, https://doi.org/10.1177/1087057113503553).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.plates import parse_wells, well_name
from cellprofiling.hits.audits.label_audit import ALPHA
from cellprofiling.kernels.plates.swapped_labels import find_exchanges

pytestmark = pytest.mark.real
FLIPS = {
    "rotated by 180 degrees": (True, True),
    "flipped left to right": (False, True),
    "flipped top to bottom": (True, False),
}


def read(path: Path) -> pd.DataFrame:
    raw = pd.read_parquet(path)
    return pd.DataFrame(
        {
            "Metadata_Plate": raw["Plate"],
            "Metadata_Well": raw["Well"],
            "Metadata_Map": raw["Plate_Map_Name"],
            "Metadata_Object_Count": raw["cell_count"],
        }
    )


@pytest.fixture(scope="module")
def lincs(real_data: Callable[[str], Path]) -> pd.DataFrame:
    """Return the counts of the plates of the first batch whose map was used for three plates or more."""
    table = read(real_data("lincs_cell_counts/2016_04_01_a549_48hr_batch1_cell_counts.parquet"))
    many = table.groupby("Metadata_Map")["Metadata_Plate"].transform("nunique") > 2
    return table[many].reset_index(drop=True)


def flipped(table: pd.DataFrame, plates: list[str], rows: bool, columns: bool) -> pd.DataFrame:
    """Return the table with some plates turned."""
    wells = parse_wells(table["Metadata_Well"])
    names = [
        well_name(15 - r if rows else r, 23 - c if columns else c) for r, c in zip(wells.row, wells.column, strict=True)
    ]
    turned = table["Metadata_Plate"].isin(plates)
    return table.assign(Metadata_Well=table["Metadata_Well"].mask(turned, pd.Series(names, index=table.index)))


def test_plates_as_they_are_raise_no_alarm(lincs: pd.DataFrame) -> None:
    """All of 134 plates fit their map as recorded, and no other map better."""
    audit = cpf.audit_layout(lincs, "Metadata_Map")
    assert len(audit) == 134
    assert (audit["verdict"] == "as recorded").all()
    assert (audit["best_layout"] == audit["layout"]).all()
    assert audit["recorded_score"].min() > 0.89


def test_turned_plates_are_found(lincs: pd.DataFrame) -> None:
    """Each plate turned in each way, one of each map at a time: all 402 are found, and no other plate is blamed."""
    of_map = lincs.groupby("Metadata_Map")["Metadata_Plate"].unique()
    found = wrong = 0
    for name, (rows, columns) in FLIPS.items():
        for place in range(of_map.map(len).max()):
            plates = [each[place] for each in of_map if place < len(each)]
            audit = cpf.audit_layout(flipped(lincs, plates, rows, columns), "Metadata_Map").set_index("Metadata_Plate")
            hit = (audit["verdict"] == "moved") & (audit["best_transform"] == name)
            found += hit.loc[plates].sum()
            wrong += (audit["verdict"].drop(plates) != "as recorded").sum()
    assert found == 402
    assert wrong == 0


def test_plates_under_a_wrong_map_are_found(lincs: pd.DataFrame) -> None:
    """Recorded under the next map, one plate of each map at a time, all 134 are matched to their own."""
    of_map = lincs.groupby("Metadata_Map")["Metadata_Plate"].unique()
    next_map = dict(zip(of_map.index, np.roll(of_map.index, 1), strict=True))
    found = 0
    for place in range(of_map.map(len).max()):
        plates = [each[place] for each in of_map if place < len(each)]
        wrong = lincs["Metadata_Map"].mask(lincs["Metadata_Plate"].isin(plates), lincs["Metadata_Map"].map(next_map))
        truth = lincs.drop_duplicates("Metadata_Plate").set_index("Metadata_Plate")["Metadata_Map"]
        audit = cpf.audit_layout(lincs.assign(Metadata_Map=wrong), "Metadata_Map").set_index("Metadata_Plate")
        found += ((audit["verdict"] == "other layout") & (audit["best_layout"] == truth))[plates].sum()
    assert found == 134


def test_a_public_plate_that_fits_another_map(real_data: Callable[[str], Path]) -> None:
    """Of 134 plates of the second batch one resembles not its replicates, but those of another map and cell line."""
    audit = cpf.audit_layout(
        read(real_data("lincs_cell_counts/2017_12_05_Batch2_cell_counts.parquet")), "Metadata_Map"
    ).set_index("Metadata_Plate")
    odd = audit[audit["verdict"] != "as recorded"]
    assert len(audit) == 134
    assert odd[["layout", "verdict", "best_layout"]].to_numpy().tolist() == [
        ["LKCP001_A549_6H", "other layout", "LKCP002_MCF7_6H"]
    ]
    assert abs(odd["recorded_score"].iloc[0]) < 0.1
    assert odd["best_layout_score"].iloc[0] > 0.9


def test_swapped_wells_of_bbbc021(bbbc021: pd.DataFrame) -> None:
    """Of 200 swaps of two wells of a plate at least 70 % are found; below 1 % of the other wells are flagged."""
    dmso = "Metadata_Compound == 'DMSO'"
    scores = cpf.normalize(bbbc021, "standardize", reference=dmso)
    names = ["Metadata_Compound", "Metadata_Concentration"]
    audit = cpf.audit_labels(scores, by=names)
    assert (audit["verdict"] == "swapped").sum() <= 6  # of 596 wells
    x = scores[[name for name in scores if not name.startswith("Metadata_")]].to_numpy()
    label, plate = scores.groupby(names).ngroup().to_numpy(), pd.factorize(scores["Metadata_Plate"])[0]
    judged = (audit["verdict"] != "cannot tell").to_numpy()
    rng = np.random.default_rng(0)
    caught, others = [], []
    while len(caught) < 200:
        pair = rng.choice(np.flatnonzero((plate == rng.choice(plate[judged])) & judged), 2, replace=False)
        if label[pair[0]] == label[pair[1]]:
            continue
        swapped = label.copy()
        swapped[pair] = label[pair[::-1]]
        flagged = find_exchanges(x, swapped, plate).p_value <= ALPHA
        caught.append(flagged[pair].all())
        flagged[pair] = False
        others.append(flagged[judged].mean())
    assert np.mean(caught) >= 0.70
    assert np.mean(others) <= 0.01
