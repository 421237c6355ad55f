"""Sizes, outlines and stains are found by name, whatever program wrote them."""

import pandas as pd
import pytest

from cellprofiling.cells.flags.measures import find, number_columns, sizes

JUMP = [
    "Cells_AreaShape_Area",
    "Cells_AreaShape_BoundingBoxArea",
    "Cells_AreaShape_BoundingBoxMaximum_X",
    "Cells_AreaShape_FormFactor",
    "Nuclei_AreaShape_Area",
    "Nuclei_AreaShape_BoundingBoxMaximum_X",
    "Nuclei_AreaShape_BoundingBoxMinimum_X",
    "Nuclei_AreaShape_FormFactor",
    "Nuclei_AreaShape_Solidity",
    "Nuclei_Intensity_MeanIntensityEdge_DNA",
    "Nuclei_Intensity_MeanIntensity_ER",
    "Nuclei_Intensity_MeanIntensity_DNA",
    "Nuclei_Intensity_MaxIntensity_DNA",
    "Nuclei_Intensity_MaxIntensity_ER",
    "Cytoplasm_AreaShape_Area",
    "ImageQuality_PowerLogLogSlope_OrigDNA",
    "Image_ImageQuality_PowerLogLogSlope_OrigER",
]
COLUMBUS = [
    "Cells - Cell Area [µm²]",
    "Cells - Nucleus Area [µm²]",
    "Cells - Nucleus Roundness",
    "Cells - Intensity Cytoplasm Alexa 488 Mean",
    "Cells - Intensity Nucleus HOECHST 33342 Mean",
    "Cells - Spot Area [px²]",
]
REGIONPROPS = ["area", "solidity", "bbox-0", "bbox-1", "bbox-2", "bbox-3", "intensity_mean-0"]

FOUND = [
    (JUMP, "size", ("Nuclei_AreaShape_Area",)),
    (JUMP, "outline", ("Nuclei_AreaShape_Solidity",)),
    (JUMP, "nuclear stain", ("Nuclei_Intensity_MeanIntensity_DNA",)),
    (JUMP, "highest intensity", ("Nuclei_Intensity_MaxIntensity_DNA", "Nuclei_Intensity_MaxIntensity_ER")),
    (JUMP, "bounding box", ("Nuclei_AreaShape_BoundingBoxMaximum_X", "Nuclei_AreaShape_BoundingBoxMinimum_X")),
    (JUMP, "focus of the image", tuple(JUMP[-2:])),
    (COLUMBUS, "size", ("Cells - Nucleus Area [µm²]",)),
    (COLUMBUS, "outline", ("Cells - Nucleus Roundness",)),
    (COLUMBUS, "nuclear stain", ("Cells - Intensity Nucleus HOECHST 33342 Mean",)),
    (REGIONPROPS, "size", ("area",)),
    (REGIONPROPS, "outline", ("solidity",)),
    (REGIONPROPS, "nuclear stain", ()),
    (REGIONPROPS, "bounding box", ("bbox-0", "bbox-1", "bbox-2", "bbox-3")),
    (["Nuclei Area wv1", "Nuclei Form Factor wv1", "Nuclei Area wv2"], "size", ("Nuclei Area wv1",)),
    (["Area", "Solidity", "Intensity_MeanIntensity__DNA"], "nuclear stain", ("Intensity_MeanIntensity__DNA",)),
    (["nuclei_area", "cells_area"], "size", ("nuclei_area",)),
    (["feature_1", "feature_2"], "size", ()),
]


def empty(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=names, dtype=float)


@pytest.mark.parametrize(("names", "what", "found"), FOUND)
def test_measures_are_found(names, what, found):
    assert find(what, number_columns(empty(names[::-1])))[::-1] == found or found == find(
        what, number_columns(empty(names))
    )
    assert find(what, number_columns(empty(names))) == found


def test_a_compartment_may_be_named():
    words = number_columns(empty(JUMP))
    assert find("size", words, "Cells") == find("size", words, "cells") == ("Cells_AreaShape_Area",)
    assert find("outline", words, "Cytoplasm") == ()


def test_each_compartment_has_its_size():
    assert sizes(number_columns(empty(JUMP))) == [f"{part}_AreaShape_Area" for part in ("Cells", "Nuclei", "Cytoplasm")]
    assert sizes(number_columns(empty(COLUMBUS))) == COLUMBUS[:2]


def test_text_and_metadata_are_no_measures():
    cells = empty(["Metadata_Cells_AreaShape_Area", "Nuclei_AreaShape_Area"])
    assert find("size", number_columns(cells.astype({"Nuclei_AreaShape_Area": object}))) == ()
