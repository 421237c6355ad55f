"""Words for changes: every aspect finds its measures, and points the way it should."""

import numpy as np
import pytest

import cellprofiling as cpf
from cellprofiling.hits.explanation.follow_up import RULES, Evidence, next_test
from cellprofiling.hits.explanation.vocabulary import (
    ASPECTS,
    aspects_of,
    channel_word,
    main_aspects,
    noun,
    phrase,
    polarity_of,
)


@pytest.mark.parametrize(
    ("name", "grew", "said"),
    [
        ("Nuclei_Intensity_MeanIntensity_CorrTub", False, "decreases nuclear tubulin intensity"),
        ("Cells_Intensity_StdIntensity_Mito", True, "makes mitochondria more uneven in the cells"),
        ("Cells_Intensity_MassDisplacement_ER", True, "moves ER off the centers of the cells"),
        ("Nuclei_AreaShape_Area", True, "enlarges the nuclei"),
        ("Nuclei_AreaShape_FormFactor", True, "makes the outlines of the nuclei rounder"),
        ("Nuclei_AreaShape_Eccentricity", False, "makes the nuclei less elongated"),
        ("Nuclei_Texture_Contrast_DNA_3_00_256", True, "makes nuclear DNA texture coarser"),
        ("Nuclei_Texture_AngularSecondMoment_DNA_3_00_256", True, "makes nuclear DNA texture smoother"),
        ("Nuclei_Texture_InfoMeas1_DNA_3_00_256", True, "makes nuclear DNA texture less ordered"),
        ("Cytoplasm_Texture_Gabor_AGP_3", True, "makes cytoplasmic actin-Golgi-membrane texture more banded"),
        ("Cells_RadialDistribution_MeanFrac_Mito_1of4", True, "makes mitochondria more central in the cells"),
        ("Cells_RadialDistribution_FracAtD_Mito_4of4", True, "makes mitochondria more peripheral in the cells"),
        ("Cells_Correlation_Correlation_DNA_ER", True, "makes DNA and ER more co-localized in the cells"),
        ("Cells_Granularity_2_RNA", True, "gives cellular RNA more fine grains"),
        ("Cells_Granularity_12_RNA", False, "gives cellular RNA fewer coarse grains"),
        ("Cells_Neighbors_NumberOfNeighbors_10", True, "crowds cells together"),
        ("Cells_Neighbors_FirstClosestDistance_10", True, "leaves cells farther apart"),
    ],
)
def test_a_change_is_called_by_its_name(name: str, grew: bool, said: str) -> None:
    others = [f"Cells_Intensity_MinIntensity_{channel}" for channel in ("DNA", "ER", "Mito", "RNA", "AGP", "CorrTub")]
    parsed = cpf.parse_features([name, *others])
    aspects = aspects_of(parsed)[:1]
    aspect, more = main_aspects(np.ones((1, 1)), np.array([[1.0 if grew else -1.0]]), aspects)
    row = parsed.iloc[0]
    assert phrase(int(aspect[0]), bool(more[0]), row["compartment"], row["group"], row["channel"]) == said


def test_features_that_disagree_tell_nothing() -> None:
    aspects = np.zeros((4, len(ASPECTS)))
    aspects[:2, 0] = 1.0
    change = np.array([[1.0, -1.0, 3.0, 3.0], [1.0, 1.0, 0.0, 0.0], [0.1, 0.1, 9.0, 9.0]])
    assert main_aspects(np.abs(change), change, aspects)[0].tolist() == [-1, 0, -1]
    assert main_aspects(np.abs(change), change, np.zeros((4, len(ASPECTS))))[0].tolist() == [-1] * 3


def test_polarity_is_that_of_the_first_aspect() -> None:
    names = ["Nuclei_AreaShape_Area", "Nuclei_AreaShape_Compactness", "Nuclei_Texture_Contrast_DNA_3_00_256", "emb_1"]
    names.append("Nuclei_Texture_AngularSecondMoment_DNA_3_00_256")
    parsed = cpf.parse_features(names)
    assert polarity_of(aspects_of(parsed), parsed).tolist() == [1, 0, 1, 1, -1]


def test_words_for_what_is_not_known() -> None:
    assert channel_word("CorrTub") == "tubulin"
    assert channel_word("Lyso") == "Lyso"
    assert phrase(-1, True, "Spots", "Texture", "Lyso") == "changes spots Lyso texture"
    assert noun(None, "Embedding", None) == "Embedding"


def found(*changes: str, ratio: float = 1.0, same: bool = False, plates: int = 3, group: str = "Intensity") -> Evidence:
    return Evidence([{"change": each, "feature_group": group} for each in changes], ratio, same, plates)


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        (found(), "nothing to follow up"),
        (found("enlarges the cells", same=True), "other well positions"),
        (found("enlarges the cells", plates=1), "another plate"),
        (found("enlarges the cells", ratio=0.3), "as few cells"),
        (found("crowds cells together", group="Neighbors"), "count cells over time"),
        (found("shrinks the nuclei", "increases nuclear DNA intensity"), "apoptosis"),
        (found("enlarges the nuclei"), "cell cycle"),
        (found("decreases nuclear tubulin intensity"), "polymerization of tubulin"),
        (found("increases cellular actin intensity"), "actin fibers"),
        (found("makes mitochondria more central in the cells"), "membrane potential"),
        (found("increases cytoplasmic ER intensity"), "CHOP"),
        (found("increases nuclear RNA intensity"), "synthesis of RNA"),
        (found("makes cellular Lyso texture coarser"), "images beside those of controls"),
    ],
)
def test_next_test_of_each_rule(evidence: Evidence, word: str) -> None:
    assert word in next_test(evidence)
    assert len(RULES) == 13


def test_unknown_cell_count_is_no_loss_of_cells() -> None:
    assert "as few cells" not in next_test(found("enlarges the cells", ratio=float("nan")))
