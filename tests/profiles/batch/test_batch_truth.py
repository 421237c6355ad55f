"""What batch corrections do to wells whose truth is known, and to two real screens."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from cellprofiling.simulate.faults.batch_screen import simulate_batches
from tests.builders import NEGCON

BATCH, COMPOUND = "Metadata_Batch", "Metadata_Compound"
DESIGN = {"batch": BATCH, "reference": NEGCON, "by": COMPOUND}
ANCHORED = {**DESIGN, "anchors": "reference"}


@pytest.fixture(scope="module")
def balanced():
    return simulate_batches("balanced", effect=1.5)


@pytest.fixture(scope="module")
def split():
    """Give a screen with a focused library in one batch, plates normalized to their controls."""
    screen = simulate_batches("split", compounds=120, features=100)
    return screen, cpf.normalize(screen.wells, reference=NEGCON)


def features(table):
    return table.filter(like="Cells").to_numpy()


def across_batches(table):
    """Return the mean average precision of replicates in other batches among other compounds of the same batch."""
    treated = table[table["Metadata_Role"] != "negcon"]
    positives = {"same": [COMPOUND], "different": [BATCH]}
    scores = cpf.average_precision(treated, positives=positives, negatives={"same": [BATCH], "different": [COMPOUND]})
    return scores.groupby(COMPOUND)["average_precision"].mean().mean()


def control_gap(table):
    """Return how far the controls of a batch lie from all controls, in SDs of a control."""
    controls = table[table["Metadata_Role"] == "negcon"]
    x, batch = features(controls), controls[BATCH].to_numpy()
    means = np.array([x[batch == one].mean(axis=0) for one in np.unique(batch)])
    within = np.vstack([x[batch == one] - x[batch == one].mean(axis=0) for one in np.unique(batch)])
    return np.linalg.norm(means - x.mean(axis=0), axis=1).mean() / np.sqrt(within.var(axis=0).sum())


def direction(table, screen):
    """Return the mean cosine between the effect of an active compound and the effect that was planted."""
    x = features(table) - features(table[table["Metadata_Role"] == "negcon"]).mean(axis=0)
    compound = table[COMPOUND].to_numpy()
    found = np.array([x[compound == name].mean(axis=0) for name in screen.compounds[COMPOUND]])
    cosine = (found * screen.effects).sum(axis=1) / np.linalg.norm(found, axis=1)
    active = screen.compounds["active"].to_numpy()
    return (cosine[active] / np.linalg.norm(screen.effects[active], axis=1)).mean()


@pytest.mark.parametrize("method", ["combat", "harmony", "linear"])
def test_on_a_balanced_screen_replicates_of_other_batches_are_found_again(balanced, method):
    before, after = across_batches(balanced.wells), across_batches(cpf.correct_batch(balanced.wells, method, **DESIGN))
    assert before < 0.25
    assert after > 2 * before
    assert control_gap(cpf.correct_batch(balanced.wells, method, **DESIGN)) < 0.3 * control_gap(balanced.wells)


@pytest.mark.parametrize("method", ["combat", "harmony", "linear"])
def test_anchored_on_controls_it_helps_too(balanced, method):
    corrected = cpf.correct_batch(balanced.wells, method, **ANCHORED)
    assert across_batches(corrected) > 2 * across_batches(balanced.wells)
    assert control_gap(corrected) < 0.1


@pytest.mark.parametrize(("method", "times"), [("combat", 2.0), ("harmony", 1.1)])
def test_on_a_split_library_learning_from_all_wells_pushes_controls_apart(split, method, times):
    """Which every measure of mixing over all wells would call perfect; the guard must be told to let it pass."""
    screen, wells = split
    with pytest.raises(InputError, match=r"none of 120 values of Metadata_Compound is in two of 3 values"):
        cpf.correct_batch(wells, method, **DESIGN)
    corrected = cpf.correct_batch(wells, method, allow_confounded=True, **DESIGN)
    assert control_gap(corrected) > times * control_gap(wells)
    assert direction(corrected, screen) < direction(wells, screen) - 0.02


@pytest.mark.parametrize("method", ["combat", "harmony", "linear"])
def test_on_a_split_library_learning_from_controls_does_no_harm(split, method):
    screen, wells = split
    corrected = cpf.correct_batch(wells, method, **ANCHORED)
    assert control_gap(corrected) < control_gap(wells)
    assert direction(corrected, screen) > direction(wells, screen) - 0.005


def test_tvn_brings_controls_together(split):
    whitened = cpf.whiten(split[1], "tvn", by=BATCH, reference=NEGCON)
    controls = whitened[whitened["Metadata_Role"] == "negcon"]
    means = controls.groupby(BATCH)[[name for name in whitened if name.startswith("PC")]].mean()
    np.testing.assert_allclose(means, 0, atol=1e-6)


@pytest.mark.real
def test_no_compound_of_bbbc021_is_in_two_weeks(real_data):
    means = pd.read_csv(real_data("bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz"))
    fields = pd.read_csv(real_data("bbbc021_ljosa/BBBC021_v1_image.csv.gz"))
    place = ["Metadata_Plate", "Metadata_Well"]
    layout = fields.filter(regex="Plate_DAPI|Well_DAPI|Compound").drop_duplicates().set_axis([*place, COMPOUND], axis=1)
    means = means.set_axis([name.removeprefix("Image_") for name in means], axis=1)
    week = means["Metadata_Plate"].str.split("_").str[0].rename("Metadata_Week")
    wells = pd.concat([week, means], axis=1).merge(layout, on=place, validate="1:1")
    design = {"batch": "Metadata_Week", "by": COMPOUND}
    said = r"batch='Metadata_Week': none of 38 values of Metadata_Compound is in two of 10 values of Metadata_Week, so"
    for options in ({"reference": {COMPOUND: "DMSO"}}, {}):  # also where nobody says which are the controls
        with pytest.raises(InputError, match=said):
            cpf.correct_batch(wells, "combat", **design, **options)
    corrected = cpf.correct_batch(wells, "combat", anchors="reference", reference={COMPOUND: "DMSO"}, **design)
    dmso = corrected[corrected[COMPOUND] == "DMSO"].groupby("Metadata_Week")["Nuclei_AreaShape_Area"].mean()
    assert (
        dmso.std()
        < 0.1 * wells[wells[COMPOUND] == "DMSO"].groupby("Metadata_Week")["Nuclei_AreaShape_Area"].mean().std()
    )


@pytest.fixture(scope="module")
def dyes(real_data):
    """Give four plates of one layout in three batches with other dyes; the 320 features they share, clipped at 50."""
    folder = real_data("cdot_dyes_jumpmoa") / "profiles_batch_level"
    tables = [pd.read_csv(file) for file in sorted(folder.glob("*_feature_select_negcon_batch.csv.gz"))]
    shared = [name for name in tables[0] if not name.startswith("Metadata_") and all(name in table for table in tables)]
    wells = pd.concat(tables, ignore_index=True)
    metadata = wells[["Metadata_Plate", "Metadata_Well"]].assign(
        **{COMPOUND: wells["Metadata_broad_sample"].fillna("DMSO"), BATCH: wells["Metadata_batch"]}
    )
    return pd.concat([metadata, wells[shared].clip(-50, 50)], axis=1), shared


def neighbors(table):
    """Return for how many treated wells the nearest other one is on the same plate, and holds the same compound; and
    for how many the nearest on another plate holds the same compound."""
    treated = table[table[COMPOUND] != "DMSO"]
    x = treated[[name for name in table if not name.startswith("Metadata_")]]
    similarity = cpf.similarity(x, features=list(x)).to_numpy().copy()
    np.fill_diagonal(similarity, -np.inf)
    plate, compound = treated["Metadata_Plate"].to_numpy(), treated[COMPOUND].to_numpy()
    nearest = similarity.argmax(axis=1)
    elsewhere = np.where(plate[:, None] == plate, -np.inf, similarity).argmax(axis=1)
    return tuple(
        round(float((values[found] == values).mean()), 3)
        for values, found in ((plate, nearest), (compound, nearest), (compound, elsewhere))
    )


@pytest.mark.real
def test_dyes_make_the_nearest_neighbor_one_of_the_same_plate(dyes):
    wells, shared = dyes
    assert (len(wells), len(shared)) == (1535, 320)
    assert neighbors(wells) == (0.835, 0.549, 0.564)


@pytest.mark.real
@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [
        ("combat", {}, (0.646, 0.577, 0.583)),
        ("combat", {"anchors": "reference"}, (0.749, 0.566, 0.568)),
        ("linear", {"anchors": "reference"}, (0.818, 0.551, 0.565)),
        ("harmony", {}, (0.599, 0.571, 0.577)),
        ("harmony", {"output": "embedding"}, (0.356, 0.617, 0.615)),
        ("harmony", {"anchors": "reference"}, (0.820, 0.551, 0.566)),
    ],
)
def test_corrections_take_plates_apart_and_compounds_together(dyes, method, options, expected):
    """Every method at least does no harm; the most is gained from all wells, which one layout on all plates allows."""
    wells, shared = dyes
    design = {"batch": "Metadata_Plate", "reference": {COMPOUND: "DMSO"}, "by": COMPOUND, "features": shared}
    found = neighbors(cpf.correct_batch(wells, method, **design, **options))
    np.testing.assert_allclose(found, expected, atol=0.01)  # harmony depends on the last bits of the decomposition
