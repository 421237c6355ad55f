"""The audit of plates: what was turned is named, what was not is left alone."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError, PlateLayoutError
from cellprofiling.core.plates import well_names
from cellprofiling.hits.audits.layout_audit import layout_sentence
from cellprofiling.kernels.plates.layouts import TRANSFORMS

UNDO = {  # what to do to a plate so that it looks as the name says
    "rotated by 180 degrees": lambda grid: grid[::-1, ::-1],
    "flipped left to right": lambda grid: grid[:, ::-1],
    "flipped top to bottom": lambda grid: grid[::-1],
    "shifted one row down": lambda grid: np.roll(grid, 1, axis=0),
    "shifted one row up": lambda grid: np.roll(grid, -1, axis=0),
    "shifted one column right": lambda grid: np.roll(grid, 1, axis=1),
    "shifted one column left": lambda grid: np.roll(grid, -1, axis=1),
}


def counts(effect: float = 0.5, seed: int = 0, n_layouts: int = 2, n_plates: int = 4) -> pd.DataFrame:
    """Return cell counts of 96-well plates, some layouts with some replicates, with a gradient over all of them."""
    rng = np.random.default_rng(seed)
    gradient = np.linspace(-1, 1, 8)[:, None] + np.linspace(0, 1, 12) ** 2
    frames = []
    for layout in range(n_layouts):
        drugs = rng.normal(0, effect, (8, 12))
        for plate in range(n_plates):
            cells = np.exp(6 + drugs + 0.3 * gradient + rng.normal(0, 0.2, (8, 12)))
            frames.append(
                pd.DataFrame(
                    {
                        "Metadata_Plate": f"P{layout}{plate}",
                        "Metadata_Well": well_names(96),
                        "Metadata_Map": f"map {layout}",
                        "Metadata_Compound": [f"c{layout}{i}" for i in range(96)],
                        "Metadata_Object_Count": cells.round().ravel(),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def changed(table: pd.DataFrame, plate: str, change: callable) -> pd.DataFrame:
    table = table.copy()
    here = table["Metadata_Plate"] == plate
    grid = table.loc[here, "Metadata_Object_Count"].to_numpy().reshape(8, 12)
    table.loc[here, "Metadata_Object_Count"] = change(grid).ravel()
    return table


@pytest.mark.parametrize("name", UNDO)
def test_moved_plate_is_named(name: str) -> None:
    """Each move of one plate is found, and its replicates are not blamed."""
    audit = cpf.audit_layout(changed(counts(), "P12", UNDO[name]), "Metadata_Map").set_index("Metadata_Plate")
    assert audit.loc["P12", ["best_transform", "verdict"]].tolist() == [name, "moved"]
    assert (audit.drop("P12")["verdict"] == "as recorded").all()
    assert f"plate P12 looks {name}" in layout_sentence(audit.reset_index())
    assert set(UNDO) == set(TRANSFORMS) - {"as recorded"}


def test_wrong_map_is_named() -> None:
    """A plate recorded under another map is found, and which map it fits."""
    table = counts()
    table.loc[table["Metadata_Plate"] == "P03", "Metadata_Map"] = "map 1"
    audit = cpf.audit_layout(table, "Metadata_Map").set_index("Metadata_Plate")
    assert audit.loc["P03", ["best_layout", "verdict"]].tolist() == ["map 0", "other layout"]
    assert (audit.drop("P03")["verdict"] == "as recorded").all()
    assert "P03 looks like one of map 0" in audit.loc["P03", "message"]


def test_noise_raises_no_alarm() -> None:
    """Counts that follow no layout, but a gradient that all plates share, are not told to be anything else."""
    verdicts = pd.concat([cpf.audit_layout(counts(0.0, seed), "Metadata_Map")["verdict"] for seed in range(10)])
    assert set(verdicts) <= {"cannot tell", "as recorded"}
    assert (verdicts == "cannot tell").mean() > 0.8


def test_layouts_read_from_what_is_in_the_wells() -> None:
    """Layouts by label, by a table per plate and by one per well are the same, even if a well is lost."""
    table = counts().drop(index=[5, 100])
    by_name = cpf.audit_layout(table, "Metadata_Map")
    per_plate = table[["Metadata_Plate", "Metadata_Map"]].drop_duplicates()
    per_well = table[["Metadata_Plate", "Metadata_Well", "Metadata_Compound"]]
    for other in (
        cpf.audit_layout(table, by="Metadata_Compound"),
        cpf.audit_layout(table.drop(columns="Metadata_Map"), per_plate),
        cpf.audit_layout(table, per_well),
    ):
        pd.testing.assert_series_equal(other["score"], by_name["score"])
        assert (other["verdict"] == by_name["verdict"]).all()


def test_features_say_it_too() -> None:
    """Without counts the first components of the features tell."""
    table = counts(n_layouts=1)
    values = np.log(table["Metadata_Object_Count"].to_numpy())
    rng = np.random.default_rng(3)
    x = values[:, None] * rng.normal(size=6) * 1e-3 + 1e6 + rng.normal(0, 2e-4, (len(table), 6))
    features = pd.DataFrame(x, columns=[f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(6)])
    here = (table["Metadata_Plate"] == "P02").to_numpy()
    features[here] = features[here].to_numpy()[::-1]
    profiles = table.drop(columns="Metadata_Object_Count").join(features)
    audit = cpf.audit_layout(profiles, "Metadata_Map")
    assert audit["best_transform"].tolist() == ["as recorded"] * 2 + ["rotated by 180 degrees", "as recorded"]
    shuffled = cpf.audit_layout(profiles.sample(frac=1, random_state=0), "Metadata_Map")
    pd.testing.assert_frame_equal(audit, shuffled)


def test_one_replicate_cannot_say_which() -> None:
    """Of two plates that disagree the message blames neither alone; a lone plate is not judged."""
    table = changed(counts(n_layouts=1, n_plates=2), "P01", lambda grid: grid[::-1, ::-1])
    audit = cpf.audit_layout(table, "Metadata_Map")
    assert (audit["verdict"] == "moved").all()
    assert audit["message"].str.contains("or the only other plate of its layout").all()
    lone = cpf.audit_layout(table[table["Metadata_Plate"] == "P00"], "Metadata_Map")
    assert lone["verdict"].tolist() == ["cannot tell"]
    assert "cannot tell" in layout_sentence(lone)


def test_missing_counts_count_for_nothing() -> None:
    """A plate without any count cannot be told, and does not disturb the others."""
    table = counts()
    table.loc[table["Metadata_Plate"] == "P00", "Metadata_Object_Count"] = np.nan
    audit = cpf.audit_layout(table, "Metadata_Map").set_index("Metadata_Plate")
    assert audit.loc["P00", "verdict"] == "cannot tell"
    assert (audit.drop("P00")["verdict"] == "as recorded").all()


def test_bad_input_is_named() -> None:
    """Each mistake has its sentence."""
    table = counts()
    with pytest.raises(InputError, match=r"platemaps=None: say which plates share a layout"):
        cpf.audit_layout(table)
    with pytest.raises(ColumnError, match=r"platemaps: plates 'P00', .* have more than one map in 'Metadata_Compound'"):
        cpf.audit_layout(table, "Metadata_Compound")
    few = pd.DataFrame({"Metadata_Plate": ["P00", "P01", "P02", "P03"], "Metadata_Map": "map 0"})
    with pytest.raises(ColumnError, match=r"plates 'P10', 'P11', 'P12', 'P13' have no map in 'Metadata_Map'"):
        cpf.audit_layout(table, few)
    with pytest.raises(ColumnError, match=r"platemaps: has 2 columns beside 'Metadata_Plate'"):
        cpf.audit_layout(table, table[["Metadata_Plate", "Metadata_Map", "Metadata_Compound"]])
    per_well = table[["Metadata_Plate", "Metadata_Well", "Metadata_Compound"]]
    with pytest.raises(PlateLayoutError, match=r"platemaps: 768 rows share plate and well"):
        cpf.audit_layout(table, pd.concat([per_well, per_well]))
    with pytest.raises(PlateLayoutError, match=r"96 rows share plate and well with another, the first P01 A01"):
        cpf.audit_layout(pd.concat([table, table[table["Metadata_Plate"] == "P01"]]), "Metadata_Map")
    with pytest.raises(InputError, match=r"count='Metadata_Object_Count': cell counts are 0 or more"):
        cpf.audit_layout(table.assign(Metadata_Object_Count=-1.0), "Metadata_Map")
    with pytest.raises(ColumnError, match=r"count='cells': no such column"):
        cpf.audit_layout(table, "Metadata_Map", count="cells")
