"""Groups of features: calibrated under no effect, the planted one found, intervals that cover, and sentences."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError
from cellprofiling.hits.explanation import explanations as explanation
from tests.builders import NEGCON
from tests.chance import allowed, sharing

GROUPS = [(c, g, ch) for c in ("Nuclei", "Cells") for g in ("Intensity", "Texture") for ch in ("DNA", "Tub")]
MEASURES = {
    "Intensity": ["MeanIntensity", "MedianIntensity", "MaxIntensity", "StdIntensity", "MADIntensity"],
    "Texture": ["Contrast", "Variance", "Entropy", "AngularSecondMoment", "InverseDifferenceMoment"],
}
AGAINST = {"AngularSecondMoment", "InverseDifferenceMoment"}


def name(compartment: str, group: str, measure: str, channel: str) -> str:
    scale = "_3_00_256" if group == "Texture" else ""
    return f"{compartment}_{group}_{measure}_{channel}{scale}"


def screen(
    seed: int, *, effect: float = 0.0, planted: int | None = None, n_plates: int = 3, n_controls: int = 8, n: int = 8
) -> pd.DataFrame:
    """Return wells of groups of features that correlate within (0.6) and between (0.2), one group shifted if planted.

    The shift is `effect` standard deviations of the score of the group, along what its features share.
    """
    rng = np.random.default_rng(seed)
    wells = n_plates * (n_controls + n)
    common = rng.normal(size=(wells, 1))
    compound = np.tile(np.r_[np.full(n_controls, -1), np.arange(n)], n_plates)
    columns = {}
    for number, (compartment, group, channel) in enumerate(GROUPS):
        own = rng.normal(size=(wells, 1))
        for measure in MEASURES[group]:
            sign = -1.0 if measure in AGAINST else 1.0
            value = np.sqrt(0.2) * common + np.sqrt(0.4) * own + np.sqrt(0.4) * rng.normal(size=(wells, 1))
            shift = effect * np.sqrt((1 + 4 * 0.6) / 5) if number == planted else 0.0
            columns[name(compartment, group, measure, channel)] = sign * (value[:, 0] + shift * (compound >= 0))
    plate = np.repeat(np.arange(n_plates), n_controls + n)
    metadata = {
        "Metadata_Plate": [f"P{p}" for p in plate],
        "Metadata_Well": [f"A{i:02d}" for i in range(1, n_controls + n + 1)] * n_plates,
        "Metadata_Compound": [f"c{c}" if c >= 0 else "DMSO" for c in compound],
        "Metadata_Role": np.where(compound >= 0, "treatment", "negcon"),
    }
    x = 1e3 + 3 * plate[:, None] + pd.DataFrame(columns)
    return pd.concat([pd.DataFrame(metadata), x], axis=1)


def explained(wells: pd.DataFrame, **options: object) -> pd.DataFrame:
    return cpf.explain(wells, by="Metadata_Compound", reference=NEGCON, **options)  # type: ignore[arg-type]


GROUPS_ALIKE = 1 + (len(GROUPS) - 1) * 0.3**2  # scores of two groups correlate by 0.3


@pytest.mark.parametrize("model", ["pooled", "paired"])
@pytest.mark.parametrize("control_fit", ["refit", "as_given"])
def test_calibrated_without_effect(model: str, control_fit: str) -> None:
    p = np.concatenate(
        [explained(screen(seed, n=20), model=model, control_fit=control_fit)["p_value"] for seed in range(12)]
    )
    low, high = allowed(len(p), alike=sharing(20, 8) * GROUPS_ALIKE)
    assert low <= (p <= 0.05).mean() <= high


@pytest.mark.slow
def test_few_controls_and_many_features(
    screen_of_noise: Callable[..., pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three wells, twelve controls of one plate, 60 features: an axis that is fitted on its controls finds nothing."""

    def rate() -> tuple[float, int]:
        p = [
            explained(screen_of_noise(seed, n_plates=1, n_controls=12, n_same=3, n_features=60, normalized=False))
            for seed in range(25)
        ]
        return float((pd.concat(p)["p_value"] <= 0.05).mean()), len(pd.concat(p))

    share, n = rate()
    low, high = allowed(n, alike=sharing(20, 12, 3))
    assert low <= share <= high
    monkeypatch.setattr(explanation, "FOLDS", 1)
    assert rate()[0] < 0.02


@pytest.mark.slow
def test_profiles_scaled_to_their_controls_are_refitted(screen_of_noise: Callable[..., pd.DataFrame]) -> None:
    """Six controls a plate gave the scale: taken as given, wells look far from them; refitted, they do not."""
    rates = {}
    for fit in ("refit", "as_given"):
        p = [
            explained(screen_of_noise(seed, n_plates=2, n_controls=6, n_compounds=30, n_features=20), control_fit=fit)
            for seed in range(25)
        ]
        rates[fit] = (pd.concat(p)["p_value"] <= 0.05).mean()
    assert rates["refit"] <= allowed(25 * 30, alike=sharing(30, 6))[1] < rates["as_given"]


@pytest.mark.slow
def test_the_planted_group_comes_first() -> None:
    """In at least 90 % of 50 screens, for all compounds of a screen at once, and in the direction planted."""
    group = GROUPS.index(("Nuclei", "Texture", "DNA"))
    first = []
    for seed in range(50):
        table = explained(screen(seed, effect=5.0, planted=group, n=1))
        first.append(table.loc[table["rank"] == 1, "group"].item() == "Nuclei Texture DNA")
    assert np.mean(first) >= 0.9
    row = table[table["rank"] == 1].iloc[0]
    assert row["change"] == "makes nuclear DNA texture coarser"
    assert row["effect"] > 0


@pytest.mark.parametrize("effect", [0.0, 2.0, 6.0])
def test_intervals_cover_the_truth(effect: float) -> None:
    """At least 90 % of intervals of 95 % hold the planted effect, in standard deviations of the score."""
    covered = []
    for seed in range(25):
        table = explained(screen(seed, effect=effect, planted=0, n_plates=4, n_controls=16), control_fit="as_given")
        rows = table[table["group"] == "Nuclei Intensity DNA"]
        covered.append((rows["ci_low"] <= effect) & (effect <= rows["ci_high"]))
    assert np.mean(covered) >= 0.9


def test_sentence_says_what_how_much_and_how_sure() -> None:
    table = explained(screen(1, effect=-8.0, planted=GROUPS.index(("Nuclei", "Intensity", "Tub")), n=1))
    row = table[table["rank"] == 1].iloc[0]
    size = f"g = {row['effect']:.1f}, 95% CI {row['ci_low']:.1f} to {row['ci_high']:.1f}"
    start = f"c0 (3 wells, 3 plates) decreases nuclear tubulin intensity ({size}; largest of 8 groups, FDR"
    assert row["sentence"].startswith(start)
    assert row["sentence"].endswith(f"driven by {row['driven_by']}.")
    assert "Intensity (-" in row["driven_by"]
    quiet = table[table["q_value"] > 0.05].iloc[0]
    assert ": no change of " in quiet["sentence"]
    assert table[["n_wells", "n_plates", "n_controls", "n_features"]].drop_duplicates().to_numpy().tolist() == [
        [3, 3, 24, 5]
    ]


def test_neither_row_order_nor_names_of_plates_or_order_of_columns_decide() -> None:
    wells = screen(3, effect=2.0, planted=1)
    table = explained(wells)
    mixed = wells.sample(frac=1, random_state=0)
    mixed = mixed[[*mixed.columns[:4], *reversed(mixed.columns[4:])]]
    renamed = mixed.assign(Metadata_Plate=mixed["Metadata_Plate"].map({"P0": "z", "P1": "b", "P2": "a"}))
    pd.testing.assert_frame_equal(explained(renamed), table, check_exact=True)


def test_input_is_not_changed_and_missing_values_are_filled() -> None:
    wells = screen(0)
    wells.iloc[3, 6] = np.nan
    before = wells.copy()
    assert explained(wells)["p_value"].notna().all()
    pd.testing.assert_frame_equal(wells, before)


def test_groups_of_a_table_and_families() -> None:
    wells = screen(2, effect=6.0, planted=0)
    features = [each for each in wells if not each.startswith("Metadata_")]
    groups = {each: "first" if "DNA" in each else "second" for each in features[:-5]}
    table = explained(wells, groups=groups, family="perturbation")
    assert table["group"].unique().tolist() == ["first", "second"]
    assert (table["feature_group"] == table["group"]).all()
    assert "raises first (g = " in table.loc[table["group"] == "first", "sentence"].iloc[0]
    assert cpf.ledger(table)["name"].tolist() == sorted(features[-5:])
    as_table = pd.DataFrame({"feature": list(groups), "group": list(groups.values())})
    pd.testing.assert_frame_equal(explained(wells, groups=as_table, family="perturbation"), table)


def test_axes_without_names_are_clustered() -> None:
    wells = screen(2, effect=6.0, planted=0)
    features = [each for each in wells if not each.startswith("Metadata_")]
    wells = wells.rename(columns={each: f"emb_{i}" for i, each in enumerate(features)})
    table = explained(wells)
    assert table["group"].nunique() <= 7
    assert (table["feature_group"] == "Cluster").all()
    best = table[table["rank"] == 1]
    assert best["change"].str.startswith("changes emb_").all()
    assert (best["q_value"] < 0.05).mean() > 0.8


def test_pairs_of_channels_are_one_group_and_flat_features_say_nothing() -> None:
    rng = np.random.default_rng(0)
    wells = screen(0)[["Metadata_Plate", "Metadata_Compound", "Metadata_Role"]]
    names = ["Cells_Intensity_MeanIntensity_DNA", "Cells_Intensity_MeanIntensity_ER"]
    names += ["Cells_Correlation_K_DNA_ER", "Cells_Correlation_K_ER_DNA", "Nuclei_AreaShape_Area"]
    x = pd.DataFrame(rng.normal(size=(len(wells), 5)), columns=names).assign(Nuclei_AreaShape_Area=1.0)
    table = explained(pd.concat([wells, x], axis=1))
    assert "Cells Correlation DNA|ER" in set(table["group"])
    flat = table[table["group"] == "Nuclei AreaShape"]
    assert flat["p_value"].isna().all()
    assert flat["sentence"].str.endswith("nuclear shape cannot be judged.").all()
    assert cpf.ledger(table)["name"].tolist() == ["Nuclei AreaShape"]


def test_paired_effects_need_three_plates() -> None:
    table = explained(screen(0, n_plates=2), model="paired")
    assert table["p_value"].isna().all()
    assert table["effect"].notna().all()
    assert set(cpf.ledger(table)["n"]) == {8}


def test_wrong_arguments_are_named() -> None:
    wells = screen(0)
    with pytest.raises(InputError, match=r"model='mean': choose one of 'pooled', 'paired'"):
        explained(wells, model="mean")
    with pytest.raises(InputError, match=r"level=1.5: not a number between 0 and 1"):
        explained(wells, level=1.5)
    with pytest.raises(InputError, match=r"fdr=0: not a number between 0 and 1"):
        explained(wells, fdr=0)
    with pytest.raises(FeatureError, match=r"groups: 1 of 1 features are no features of the profiles: 'x'"):
        explained(wells, groups={"x": "a"})
    with pytest.raises(ColumnError, match=r"groups='group': no such column"):
        explained(wells, groups=pd.DataFrame({"feature": ["x"]}))
    with pytest.raises(InputError, match=r"expected a table with columns feature and group.*got list"):
        explained(wells, groups=["x"])
    first = next(each for each in wells if each.startswith("Nuclei"))
    with pytest.raises(InputError, match=r"is in two groups, 'a' and 'b'"):
        explained(wells, groups=pd.DataFrame({"feature": [first, first], "group": ["a", "b"]}))
    with pytest.raises(InputError, match=r"puts no feature in any group"):
        explained(wells, groups={first: None})
