"""Average precision for any grouping: peers, published values, ties, missing keys."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError
from tests.naive import average_precision

POSITIVES = {"same": ["Metadata_Compound"]}
NEGATIVES = {"same": ["Metadata_Plate"], "different": ["Metadata_Compound"]}


@pytest.fixture
def wells() -> pd.DataFrame:
    """Return a small screen of noise with three plates."""
    rng = np.random.default_rng(0)
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat(["a", "b", "c"], 20),
            "Metadata_Compound": np.tile([f"x{i}" for i in range(10)], 6),
            "Metadata_Target": np.tile(["t1", "t2", None, "t1", "t3"], 12),
        }
    )
    features = pd.DataFrame(rng.normal(size=(60, 12)), columns=[f"Cells_AreaShape_Zernike_{i}_0" for i in range(12)])
    return pd.concat([metadata, features], axis=1)


def naive(wells: pd.DataFrame, positives: dict, negatives: dict) -> list[float]:
    """Rank every other well by cosine, one query at a time, negatives first among ties."""
    x = wells.filter(like="Cells_").to_numpy()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    rows = wells.to_dict("records")

    def joins(a: dict, b: dict, grouping: dict) -> bool:
        same, different = grouping.get("same", []), grouping.get("different", [])
        known = all(pd.notna(row[name]) for row in (a, b) for name in [*same, *different])
        return known and all(a[n] == b[n] for n in same) and all(a[n] != b[n] for n in different)

    scores = []
    for i, row in enumerate(rows):
        positive = [unit[i] @ unit[j] for j, other in enumerate(rows) if i != j and joins(row, other, positives)]
        negative = [unit[i] @ unit[j] for j, other in enumerate(rows) if i != j and joins(row, other, negatives)]
        scores.append(average_precision(positive, negative))
    return scores


GROUPINGS = [
    (POSITIVES, NEGATIVES),
    ({"same": ["Metadata_Target"], "different": ["Metadata_Compound"]}, {"different": ["Metadata_Target"]}),
    (
        {"same": ["Metadata_Target"], "different": ["Metadata_Plate", "Metadata_Compound"]},
        {"different": ["Metadata_Target"]},
    ),
    (
        {"same": ["Metadata_Compound", "Metadata_Plate"]},
        {"same": ["Metadata_Target"], "different": ["Metadata_Compound"]},
    ),
]


@pytest.mark.parametrize(("positives", "negatives"), GROUPINGS)
def test_agrees_with_naive(wells: pd.DataFrame, positives: dict, negatives: dict) -> None:
    """Equal to the definition written out, for any grouping, missing keys among them."""
    ours = cpf.average_precision(wells, positives=positives, negatives=negatives)
    np.testing.assert_allclose(ours["average_precision"], naive(wells, positives, negatives), atol=1e-12)


def test_agrees_with_copairs(wells: pd.DataFrame) -> None:
    """Equal to copairs 0.5.5 where nothing ties; its scores are single precision, ours double."""
    copairs = pytest.importorskip("copairs.map")
    x = wells.filter(like="Cells_").to_numpy()
    theirs = copairs.average_precision(
        wells, x, ["Metadata_Compound"], [], ["Metadata_Plate"], ["Metadata_Compound"], progress_bar=False
    )
    ours = cpf.average_precision(wells, positives=POSITIVES, negatives=NEGATIVES)
    np.testing.assert_allclose(ours["average_precision"], theirs["average_precision"], atol=2e-7)
    np.testing.assert_array_equal(ours["n_positives"], theirs["n_pos_pairs"])
    np.testing.assert_array_equal(ours["n_total"], theirs["n_total_pairs"])


@pytest.mark.real
@pytest.mark.parametrize("plate", ["BR00122247", "BR00122250"])
def test_published_values(real_data: callable, plate: str) -> None:
    """The published precision of each well of the JUMP-MOA plates, to the last digits.

    Positives are the other wells of the compound, negatives the wells of the other control type.
    """
    base = f"cdot_dyes_jumpmoa/paper/{{}}/{plate}_normalized_feature_select_negcon_batch"
    raw = pd.read_csv(real_data(base.format("profiles") + ".csv.gz"))
    published = pd.read_csv(real_data(base.format("results") + "_Result_NegconNorm_mAP_wrt_Control_woNAN.csv"))
    features = raw[[name for name in raw if not name.startswith("Metadata_")]].dropna(axis=1)
    metadata = pd.DataFrame(
        {
            "Metadata_Well": raw["Metadata_Well"],
            "Metadata_Compound": raw["Metadata_broad_sample"].fillna("DMSO"),
            "Metadata_Type": np.where(raw["Metadata_control_type"] == "negcon", "negcon", "treatment"),
        }
    )
    table = pd.concat([metadata, features.set_axis([f"f{i}" for i in range(features.shape[1])], axis=1)], axis=1)
    ours = cpf.average_precision(
        table,
        positives={"same": ["Metadata_Compound"]},
        negatives={"different": ["Metadata_Type"]},
    )
    both = ours.merge(published, on="Metadata_Well", validate="one_to_one")
    treated = both[both["Metadata_Type"] == "treatment"]
    assert len(treated) == 360
    np.testing.assert_allclose(treated["average_precision_x"], treated["average_precision_y"], atol=1e-12)


def test_row_order_changes_nothing(wells: pd.DataFrame) -> None:
    """Shuffled rows give the same value for each row."""
    usual = cpf.average_precision(wells, positives=POSITIVES, negatives=NEGATIVES)
    shuffled = cpf.average_precision(wells.sample(frac=1, random_state=0), positives=POSITIVES, negatives=NEGATIVES)
    pd.testing.assert_frame_equal(shuffled.sort_index(), usual)


def test_blocks_change_nothing(wells: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows taken a few at a time give what all rows at once give."""
    usual = cpf.average_precision(wells, positives=POSITIVES, negatives=NEGATIVES)
    monkeypatch.setattr("cellprofiling.hits.retrieval.precision.BLOCK", 100)
    pd.testing.assert_frame_equal(cpf.average_precision(wells, positives=POSITIVES, negatives=NEGATIVES), usual)


def test_missing_key_agrees_and_disagrees_with_nothing(wells: pd.DataFrame) -> None:
    """Wells without a target are nobody's positives and nobody's negatives."""
    found = cpf.average_precision(
        wells, positives={"same": "Metadata_Target"}, negatives={"different": "Metadata_Target"}
    )
    without = wells["Metadata_Target"].isna()
    assert found.loc[without, "average_precision"].isna().all()
    assert (found.loc[without, "n_total"] == 0).all()
    assert (found.loc[~without, "n_total"] == (~without).sum() - 1).all()


@pytest.mark.parametrize("metric", ["cosine", "pearson"])
def test_profile_without_direction_is_invalid(wells: pd.DataFrame, metric: str) -> None:
    """A zero or constant profile has no score, is in no other list, and has a ledger line."""
    dead = wells.copy()
    dead.loc[7, dead.columns[3:]] = 0.0
    found = cpf.average_precision(dead, positives=POSITIVES, negatives=NEGATIVES, metric=metric)
    assert np.isnan(found.loc[7, "average_precision"])
    assert found.loc[17, "n_positives"] == 4
    assert cpf.ledger(found)["name"].tolist() == ["7"]


def test_pearson_is_cosine_of_centered_profiles(wells: pd.DataFrame) -> None:
    """Pearson correlation is the cosine after each profile loses its own mean."""
    centered = wells.copy()
    names = list(wells.columns[3:])
    centered[names] = centered[names].sub(centered[names].mean(axis=1), axis=0)
    pearson = cpf.average_precision(wells, positives=POSITIVES, negatives=NEGATIVES, metric="pearson")
    cosine = cpf.average_precision(centered, positives=POSITIVES, negatives=NEGATIVES)
    np.testing.assert_allclose(pearson["average_precision"], cosine["average_precision"], atol=1e-12)


def test_bad_input_is_named(wells: pd.DataFrame) -> None:
    """Each mistake has its sentence."""
    call = {"positives": POSITIVES, "negatives": NEGATIVES}
    with pytest.raises(InputError, match=r"metric='cosin': choose one of 'cosine', 'pearson'. Did you mean 'cosine'"):
        cpf.average_precision(wells, **call, metric="cosin")
    with pytest.raises(InputError, match=r"positives=.*write \{'same'"):
        cpf.average_precision(wells, positives={"equal": "Metadata_Plate"}, negatives=NEGATIVES)
    with pytest.raises(ColumnError, match=r"negatives='Metadata_plate': no such column.*Did you mean 'Metadata_Plate'"):
        cpf.average_precision(wells, positives=POSITIVES, negatives={"same": "Metadata_plate"})
    with pytest.raises(InputError, match=r"\d+ pairs are both"):
        cpf.average_precision(wells, positives=POSITIVES, negatives={"different": "Metadata_Plate"})
    gaps = wells.copy()
    gaps.loc[3, "Cells_AreaShape_Zernike_2_0"] = np.nan
    with pytest.raises(FeatureError, match=r"'Cells_AreaShape_Zernike_2_0' have missing values \(in 1 of 60"):
        cpf.average_precision(gaps, **call)
