"""Dead plates, thin regions and lines, suspect cells, and images."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.quality.checks.tables.cells import flagged_cells
from cellprofiling.quality.checks.tables.images import image_quality
from cellprofiling.quality.checks.wells.counts import dead_plates, thin_regions
from cellprofiling.simulate.faults.well_screen import simulate_wells
from tests.quality.planted import bad, lines

COUNT = "Metadata_Object_Count"


@pytest.fixture(scope="module")
def wells():
    return simulate_wells(plates=3, features=2, factors=2, seed=0)


def low(wells, here, cells=50.0):
    return wells.assign(**{COUNT: wells[COUNT].where(~here, cells)})


def at(wells, plate, names):
    return (wells["Metadata_Plate"] == plate) & wells["Metadata_Well"].isin(names)


@pytest.mark.parametrize(("left", "status"), [(1.0, "pass"), (0.6, "pass"), (0.4, "warn"), (0.1, "fail")])
def test_a_plate_with_few_cells(wells, left, status):
    here = wells["Metadata_Plate"] == "Plate002"
    found = lines(dead_plates, wells.assign(**{COUNT: wells[COUNT] * np.where(here, left, 1)}))
    assert found.set_index("plate").loc["Plate002", "status"] == status
    assert set(found.set_index("plate").drop("Plate002")["status"]) == {"pass"}


def test_a_bubble_is_a_region_and_scattered_wells_are_none(wells):
    assert not bad(lines(thin_regions, wells))
    treated = wells[wells["Metadata_Role"] == "treatment"]["Metadata_Well"]
    bubble = [f"{r}{c:02d}" for r in "FGH" for c in (9, 10, 11, 12)]
    found = lines(thin_regions, low(wells, at(wells, "Plate001", bubble) & (wells["Metadata_Role"] == "treatment")))
    assert bad(found) == {("counts.thin_region", "Plate001")}
    assert "between F09 to H12" in found["message"].iloc[0]
    scattered = np.random.default_rng(0).permutation(sorted(set(treated)))[:40]
    assert not bad(lines(thin_regions, low(wells, at(wells, "Plate001", scattered))))


def test_a_region_as_large_as_chance_makes_passes(wells):
    """Of 130 low wells anywhere on a plate of 384 some lie together, more than the limit of seven."""
    treated = wells[wells["Metadata_Role"] == "treatment"]["Metadata_Well"]
    scattered = np.random.default_rng(2).permutation(sorted(set(treated)))[:130]
    found = lines(thin_regions, low(wells, at(wells, "Plate001", scattered))).set_index(["id", "plate"])
    region = found.loc[("counts.thin_region", "Plate001")]
    assert region["value"] > 7
    assert region["status"] == "pass"


def test_a_lost_row_fails_by_its_controls_and_a_toxic_series_only_warns(wells):
    row = [f"E{c:02d}" for c in range(1, 25)]
    here = at(wells, "Plate001", row)
    assert (wells.loc[here, "Metadata_Role"] == "negcon").any()
    lost = lines(thin_regions, low(wells, here)).set_index(["id", "plate"])
    assert lost.loc[("counts.thin_line", "Plate001"), "status"] == "fail"
    assert "row E" in lost.loc[("counts.thin_line", "Plate001"), "message"]
    toxic = lines(thin_regions, low(wells, here & (wells["Metadata_Role"] == "treatment"))).set_index(["id", "plate"])
    assert toxic.loc[("counts.thin_line", "Plate001"), "status"] == "warn"


def test_a_treatment_that_kills_on_all_plates_makes_no_thin_region(wells):
    """Plate 1 and 3 hold the same map: twelve neighbors that are low on both are toxic, on one alone a fault."""
    bubble = [f"{r}{c:02d}" for r in "FGH" for c in (9, 10, 11, 12)]
    treated = wells["Metadata_Role"] == "treatment"
    one = low(wells, at(wells, "Plate001", bubble) & treated)
    both = low(one, at(one, "Plate003", bubble) & treated)
    assert ("counts.thin_region", "Plate001") in bad(lines(thin_regions, one))
    assert not bad(lines(thin_regions, both))
    assert bad(lines(thin_regions, both, by=None))  # nothing says what the wells hold


def test_plates_too_small_to_tell(wells):
    assert set(lines(thin_regions, wells.iloc[:10], positive=None)["status"]) == {"inconclusive"}
    assert lines(dead_plates, wells.iloc[:10], positive=None)["status"].tolist() == ["skipped"]
    assert set(lines(thin_regions, wells.drop(columns=COUNT))["status"]) == {"skipped"}


def cells_of(wells, flagged, missing=0.0):
    rng = np.random.default_rng(0)
    keys = wells.loc[wells.index.repeat(50), ["Metadata_Plate", "Metadata_Well"]].reset_index(drop=True)
    small = rng.random(len(keys)) < np.repeat(flagged, 50)
    absent = rng.random(len(keys)) < missing
    return keys.assign(
        Metadata_QC_Small=small, Metadata_QC_Missing=absent, Metadata_QC_Flagged=small | absent, Cells_a=1.0
    )


def test_flagged_cells_are_judged_by_plate_and_by_well(wells):
    share = np.where(
        wells["Metadata_Plate"] == "Plate001", 0.02, np.where(wells["Metadata_Plate"] == "Plate002", 0.16, 0.4)
    )
    share[5] = 0.9
    found = lines(flagged_cells, wells, cells=cells_of(wells, share)).set_index(["id", "plate", "well"])
    assert [found.loc[("cells.flagged", f"Plate00{i}", ""), "status"] for i in (1, 2, 3)] == ["pass", "warn", "fail"]
    assert set(found.loc["cells.missing"]["status"]) == {"pass"}
    well = wells["Metadata_Well"].iloc[5]
    assert found.loc[("cells.well", "Plate001", well), "status"] == "fail"


def test_missing_values_are_a_state_of_their_own(wells):
    found = lines(flagged_cells, wells, cells=cells_of(wells, np.zeros(len(wells)), missing=0.4)).set_index("id")
    assert set(found.loc["cells.missing", "status"]) == {"fail"}
    assert set(lines(flagged_cells, wells)["status"]) == {"skipped"}


def images_of(wells, rng):
    keys = wells.loc[wells.index.repeat(2), ["Metadata_Plate", "Metadata_Well"]].reset_index(drop=True)
    n = len(keys)
    return keys.assign(
        ImageQuality_PowerLogLogSlope_DNA=-2 + 0.05 * rng.normal(size=n),
        ImageQuality_PowerLogLogSlope_RNA=-1 + 0.05 * rng.normal(size=n),
        ImageQuality_PercentMaximal_DNA=0.01,
        ImageQuality_MaxIntensity_DNA=0.5,
        ImageQuality_Scaling_DNA=65535,
    )


def test_images_out_of_focus_saturated_or_scaled_twice(wells):
    images = images_of(wells, np.random.default_rng(0))
    assert not bad(lines(image_quality, wells, images=images))
    blurred = images.copy()
    second = blurred.index[blurred["Metadata_Plate"] == "Plate002"]
    blurred.loc[second[:60], "ImageQuality_PowerLogLogSlope_RNA"] -= 1
    found = lines(image_quality, wells, images=blurred)
    assert bad(found) == {("images.focus", "Plate002")}
    assert "in RNA, its worst channel" in found.query("status == 'fail'")["message"].item()
    assert (found["id"] == "images.blurred").sum() == 30
    dark = images.assign(ImageQuality_PercentMaximal_DNA=5.0)  # an empty image: its own maximum everywhere
    assert not bad(lines(image_quality, wells, images=dark))
    saturated = dark.assign(ImageQuality_MaxIntensity_DNA=1.0)
    assert {name for name, _ in bad(lines(image_quality, wells, images=saturated))} == {"images.saturation"}
    scaled = images.assign(ImageQuality_Scaling_DNA=np.where(images.index % 2, 65535, 4095))
    assert bad(lines(image_quality, wells, images=scaled)) == {("images.scaling", "")}


def test_missing_measures_of_images_are_said(wells):
    assert set(lines(image_quality, wells)["status"]) == {"skipped"}
    images = images_of(wells, np.random.default_rng(0))
    part = images[["Metadata_Plate", "ImageQuality_PowerLogLogSlope_DNA"]]
    found = lines(image_quality, wells, images=part).set_index("id")
    assert found.loc["images.saturation", "status"] == "skipped"
    assert set(found.loc["images.focus", "status"]) == {"pass"}
    none = pd.DataFrame({"Metadata_Plate": ["Plate001"], "ImageQuality_PowerLogLogSlope_DNA": [np.nan]})
    assert lines(image_quality, wells, images=none).set_index("id").loc["images.focus", "status"] == "inconclusive"
