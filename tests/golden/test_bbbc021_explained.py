"""Groups of features on BBBC021: control wells explain nothing, and what compounds change is what they are known for.

DMSO wells of the screen (Ljosa et al. 2013, https://doi.org/10.1177/1087057113503553): six on each of 55 plates.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

import cellprofiling as cpf
from cellprofiling.kernels.models.contrasts import cells_of, contrast_with_controls

pytestmark = pytest.mark.real
DMSO = "Metadata_Compound == 'DMSO'"
TREATMENT = ["Metadata_Compound", "Metadata_Concentration"]
DRAWS = 12


def pseudo_treatments(wells: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the DMSO wells, some renamed to compounds of three wells, on the plates of real compounds."""
    rng = np.random.default_rng(seed)
    treated = wells[wells["Metadata_Compound"] != "DMSO"]
    sets = [set(rows["Metadata_Plate"]) for _, rows in treated.groupby(TREATMENT)]
    controls = wells[wells["Metadata_Compound"] == "DMSO"].reset_index(drop=True)
    names, used = controls["Metadata_Compound"].to_numpy(dtype=object), set()
    for i in rng.permutation(len(sets)):
        if len(sets[i]) == 3 and not sets[i] & used:
            used |= sets[i]
            for plate in sorted(sets[i]):
                names[rng.choice(np.flatnonzero(controls["Metadata_Plate"] == plate))] = f"p{i}"
    return pd.concat([controls.drop(columns="Metadata_Compound"), pd.Series(names, name="Metadata_Compound")], axis=1)


def rate(wells: pd.DataFrame, **options: str) -> float:
    found = [
        cpf.explain(pseudo_treatments(wells, seed), by="Metadata_Compound", reference=DMSO, **options)["p_value"]
        for seed in range(DRAWS)
    ]
    return float((pd.concat(found) <= 0.05).mean())


@pytest.mark.slow
def test_control_wells_explain_nothing(bbbc021: pd.DataFrame) -> None:
    """Of 3,400 groups of 180 pseudo-compounds at most 7 % have p <= 0.05, by either model."""
    assert 0.02 < rate(bbbc021) <= 0.07
    assert 0.02 < rate(bbbc021, model="paired") <= 0.07


@pytest.mark.slow
def test_what_was_scaled_to_the_same_controls_is_not_taken_as_it_is(bbbc021: pd.DataFrame) -> None:
    """Profiles in standard deviations of six controls, tested against them as given, call twice as many."""
    scaled = []
    for seed in range(DRAWS):
        wells = pseudo_treatments(bbbc021, seed)
        scaled.append(cpf.normalize(wells, "standardize", reference=DMSO))
    rates = {
        fit: np.mean(
            [
                (cpf.explain(w, by="Metadata_Compound", reference=DMSO, control_fit=fit)["p_value"] <= 0.05).mean()
                for w in scaled
            ]
        )
        for fit in ("refit", "as_given")
    }
    assert rates["refit"] <= 0.07 < 0.09 < rates["as_given"]


def test_features_are_no_units(bbbc021: pd.DataFrame) -> None:
    """Rank sums that take the features of a group for independent call half of the groups of control wells."""
    parsed = cpf.parse_features([name for name in bbbc021 if not name.startswith("Metadata_")])
    parsed = parsed[parsed["kind"] == "morphology"].fillna("")
    features, label = parsed["name"].tolist(), (parsed["compartment"] + parsed["group"] + parsed["channel"]).to_numpy()
    called = []
    for seed in range(3):
        wells = pseudo_treatments(bbbc021, seed)
        plate = pd.factorize(wells["Metadata_Plate"])[0].astype(np.intp)
        group = pd.factorize(wells["Metadata_Compound"].where(wells["Metadata_Compound"] != "DMSO"))[0].astype(np.intp)
        fit = contrast_with_controls(cells_of(wells[features].to_numpy(), group, plate, int(group.max()) + 1))
        t = fit.difference * np.sqrt(fit.weight * fit.df / np.where(fit.squares > 0, fit.squares, np.inf))
        ranks = rankdata(np.abs(t), axis=1)
        for name in np.unique(label):
            inside = label == name
            n, m = inside.sum(), (~inside).sum()
            z = (ranks[:, inside].sum(axis=1) - n * (n + m + 1) / 2) / np.sqrt(n * m * (n + m + 1) / 12)
            called.append(np.abs(z) > 1.96)
    assert np.mean(called) > 0.3


@pytest.fixture(scope="module")
def found(bbbc021: pd.DataFrame) -> pd.DataFrame:
    return cpf.explain(bbbc021, by=TREATMENT, reference=DMSO).set_index([*TREATMENT, "group"]).sort_index()


def test_nocodazole_lowers_nuclear_tubulin(found: pd.DataFrame) -> None:
    """g is -6.8 in units of all controls of the screen; of those of its own plates -7, and the interval holds both."""
    row = found.loc[("nocodazole", 1.0, "Nuclei Intensity CorrTub")]
    assert row["change"] == "decreases nuclear tubulin intensity"
    assert -8.1 <= row["effect"] <= -5.6
    assert row["ci_low"] < -8.1 < -6.8 < -5.6 < row["ci_high"] < -3
    assert row["q_value"] < 1e-5
    assert "decreases nuclear tubulin intensity (g = -7." in row["sentence"]


@pytest.mark.parametrize(
    ("compound", "dose", "group", "change"),
    [
        ("nocodazole", 1.0, "Nuclei Intensity CorrActin", "increases nuclear actin intensity"),
        ("taxol", 0.3, "Cells Intensity CorrTub", "increases cellular tubulin intensity"),
        ("epothilone B", 0.3, "Cells Intensity CorrTub", "increases cellular tubulin intensity"),
        ("latrunculin B", 3.0, "Cells AreaShape", "shrinks the cells"),
        ("etoposide", 10.0, "Nuclei AreaShape", "enlarges the nuclei"),
        ("etoposide", 10.0, "Cells AreaShape", "enlarges the cells"),
        ("cisplatin", 10.0, "Cells Neighbors", "leaves cells farther apart"),
        ("AZ-A", 3.0, "Cells AreaShape", "enlarges the cells"),
    ],
)
def test_sentences_read_as_biology_expects(
    found: pd.DataFrame, compound: str, dose: float, group: str, change: str
) -> None:
    """Poisons of microtubules, actin and DNA, and of mitosis, after which cells grow without dividing."""
    row = found.loc[(compound, dose, group)]
    assert row["change"] == change
    assert row["q_value"] < 0.001


def test_like_compounds_share_a_mechanism(bbbc021: pd.DataFrame, found: pd.DataFrame) -> None:
    """Taxol is most like epothilone, and nocodazole like other poisons of microtubules, from 19 numbers each."""
    told = cpf.summarize_hits(found.reset_index(), bbbc021, by=TREATMENT, reference=DMSO).set_index(TREATMENT)
    assert told.loc[("taxol", 0.3), "similar_to"].startswith("epothilone B")
    assert told.loc[("nocodazole", 1.0), "similar_to"].startswith("colchicine")
    assert told.loc[("emetine", 0.3), "similar_to"].split(" ")[0] in {"anisomycin", "cyclohexamide"}
    assert told["next_test"].str.contains("other well positions").mean() > 0.9


def test_variance_of_controls_lies_in_weeks_plates_and_wells(bbbc021: pd.DataFrame) -> None:
    """Sums of squares are 0.30, 0.16 and 0.51 of the whole in the median feature; some of the 0.16 is noise of wells.

    Means of six wells differ between plates even if plates do not: the unbiased shares are 0.29, 0.07 and 0.59.
    """
    controls = bbbc021[bbbc021["Metadata_Compound"] == "DMSO"]
    week = controls["Metadata_Plate"].str.split("_").str[0].rename("Metadata_Week")
    controls = pd.concat([week, controls], axis=1)
    shares = cpf.variance_budget(controls, ["Metadata_Week", "Metadata_Plate"], per_feature=True)
    x = controls[shares["feature"].unique().tolist()]
    by_week, by_plate = (x.groupby(controls[f"Metadata_{level}"]).transform("mean") for level in ("Week", "Plate"))
    parts = [((a - b) ** 2).sum() for a, b in ((by_week, x.mean()), (by_plate, by_week), (x, by_plate))]
    squares = [(part / sum(parts)).median() for part in parts]
    assert squares == pytest.approx([0.30, 0.16, 0.51], abs=0.03)
    unbiased = shares.groupby("level")["share"].median()[["Metadata_Week", "Metadata_Plate", "residual"]]
    assert unbiased.tolist() == pytest.approx([0.29, 0.07, 0.59], abs=0.02)
