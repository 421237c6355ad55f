"""The hit list: its order, its reasons, its descriptive numbers."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from tests.builders import NEGCON

COLUMNS = [
    *("rank", "Metadata_Compound", "n_wells", "n_plates", "n_positions", "same_position", "n_controls"),
    *("cell_count_ratio", "cell_count_p", "toxic", "map", "map_ci_low", "map_ci_high", "mahalanobis", "induction"),
    *("p_value", "p_floor", "q_value", "position_p", "position_p_floor", "count_matched_p"),
    *("null_scheme", "hit", "reason", "top_features"),
]


@pytest.fixture(scope="module")
def wells(screen_of_noise: callable) -> pd.DataFrame:
    """Return a screen with ten strong compounds; c000 is toxic and c001 alone keeps its position."""
    wells = screen_of_noise(effect=2.0)
    wells.loc[wells["Metadata_Compound"] == "c000", "Metadata_Object_Count"] = 20
    wells.loc[wells["Metadata_Compound"] == "c001", "Metadata_Well"] = "B02"
    return wells


@pytest.fixture(scope="module")
def hits(wells: pd.DataFrame) -> pd.DataFrame:
    """Return its hit list."""
    return cpf.rank_hits(wells, by="Metadata_Compound", reference=NEGCON, permutations=2000)


def test_columns(hits: pd.DataFrame) -> None:
    """The hit list has the promised columns."""
    assert list(hits.columns) == COLUMNS


def test_order(hits: pd.DataFrame) -> None:
    """Hits first, then by q-value, and at equal q-value by the lower end of the interval of the effect."""
    assert hits["rank"].tolist() == list(range(1, 21))
    assert hits["hit"].tolist() == [True] * 10 + [False] * 10
    assert sorted(hits.loc[hits["hit"], "Metadata_Compound"]) == [f"c{i:03d}" for i in range(10)]
    for _, tied in hits.groupby("q_value"):
        assert tied["map_ci_low"].is_monotonic_decreasing


def test_agrees_with_activity(wells: pd.DataFrame, hits: pd.DataFrame) -> None:
    """The list repeats the test, and its map is the score of the test."""
    tested = cpf.activity(wells, by="Metadata_Compound", reference=NEGCON, permutations=2000)
    both = hits.merge(tested, on="Metadata_Compound", suffixes=("", "_test"))
    np.testing.assert_array_equal(both["p_value"], both["p_value_test"])
    np.testing.assert_allclose(both["map"], both["score"], atol=1e-12)


def test_interval_holds_the_effect(hits: pd.DataFrame) -> None:
    """The interval of map lies in [0, 1] and holds map."""
    assert hits["map"].between(hits["map_ci_low"], hits["map_ci_high"]).all()
    assert hits["map_ci_low"].ge(0).all()
    assert hits["map_ci_high"].le(1).all()


def test_counts_and_positions(hits: pd.DataFrame) -> None:
    """Cell counts are relative to the controls of the plate; one position on all plates is said so."""
    by_name = hits.set_index("Metadata_Compound")
    assert by_name.loc["c000", "cell_count_ratio"] == pytest.approx(0.2, abs=0.02)
    assert "only 20 % of the cells" in by_name.loc["c000", "reason"].replace("%", " %")
    assert by_name.loc["c001", "same_position"]
    assert "same well position on all plates" in by_name.loc["c001", "reason"]
    assert not by_name.drop("c001")["same_position"].any()


def test_change_agrees_with_naive(wells: pd.DataFrame, hits: pd.DataFrame) -> None:
    """Induction and the top feature, computed one compound at a time with pandas."""
    names = [name for name in wells if name.startswith("Cells_")]
    control = wells["Metadata_Role"] == "negcon"
    away = (
        wells[names]
        - wells[["Metadata_Plate"]].join(wells[control].groupby("Metadata_Plate")[names].mean(), on="Metadata_Plate")[
            names
        ]
    )
    spread = np.sqrt((away[control] ** 2).sum() / (control.sum() - wells["Metadata_Plate"].nunique()))
    for row in hits.to_dict("records"):
        change = (away[wells["Metadata_Compound"] == row["Metadata_Compound"]] / spread).mean()
        assert row["induction"] == pytest.approx((change.abs() > 3).mean())
        assert row["top_features"].split(" (")[0] == change.abs().idxmax()


def test_mahalanobis_of_planted_effects_is_larger(hits: pd.DataFrame) -> None:
    """Every planted compound is farther from the controls than every inert one."""
    assert hits.loc[hits["hit"], "mahalanobis"].min() > hits.loc[~hits["hit"], "mahalanobis"].max()


def test_audit_and_parameters_travel_with_the_list(hits: pd.DataFrame) -> None:
    """The list carries its own false-positive audit and what was asked for."""
    assert [row["layout"] for row in hits.attrs["audit"]] == ["same position", "different positions"]
    assert hits.attrs["parameters"]["fdr"] == 0.05
    assert hits.attrs["parameters"]["reference"] == NEGCON
    assert hits.attrs["provenance"]["cellprofiling"] == cpf.__version__


def test_reason_quotes_the_audit_of_positions(screen_of_noise: callable) -> None:
    """Where all plates share one layout, the reason says how often controls at one position are called active."""
    wells = screen_of_noise(n_controls=24, fixed_layout=True, position_effect=1.0, n_compounds=5)
    hits = cpf.rank_hits(wells, by="Metadata_Compound", reference=NEGCON, permutations=200)
    rate = hits.attrs["audit"][0]["rate"]
    assert hits["reason"].str.contains(f"of controls at one position, {rate:.0%} are called too").all()


def test_a_single_plate_is_ranked(screen_of_noise: callable) -> None:
    """Replicates on one plate are enough for a list and its audit."""
    hits = cpf.rank_hits(
        screen_of_noise(n_plates=1, n_same=3, effect=3.0), by="Metadata_Compound", reference=NEGCON, permutations=500
    )
    assert hits["hit"].sum() >= 9
    assert hits.attrs["audit"][1]["n"] == 200


def test_doses_are_rows_of_their_own(wells: pd.DataFrame) -> None:
    """With a dose column each dose is tested on its own."""
    doses = wells.assign(Metadata_Dose=np.where(wells["Metadata_Plate"].isin(["P0", "P1"]), 1.0, 10.0))
    hits = cpf.rank_hits(doses, by="Metadata_Compound", dose="Metadata_Dose", reference=NEGCON, permutations=100)
    assert len(hits) == 40
    assert set(hits["n_plates"]) == {2}


def test_too_few_wells_say_so(screen_of_noise: callable) -> None:
    """Where no p-value can be small enough, the reason says that and not 'inactive'."""
    wells = screen_of_noise(n_plates=2, n_controls=3, effect=3.0)
    hits = cpf.rank_hits(wells, by="Metadata_Compound", reference=NEGCON)
    best = hits.iloc[0]
    assert best["p_value"] == best["p_floor"]
    assert not best["hit"]
    assert "smallest p-value these few wells can reach" in best["reason"]


def test_lone_wells_come_last(wells: pd.DataFrame) -> None:
    """A perturbation with one well is listed, untested, after all others."""
    lone = (wells["Metadata_Compound"] == "c002") & (wells["Metadata_Plate"] != "P0")
    hits = cpf.rank_hits(wells[~lone], by="Metadata_Compound", reference=NEGCON, permutations=200)
    assert hits.iloc[-1]["Metadata_Compound"] == "c002"
    assert hits.iloc[-1]["reason"].startswith("not tested: one well")


def test_bad_input_is_named(wells: pd.DataFrame) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(InputError, match=r"fdr=5: not a number between 0 and 1"):
        cpf.rank_hits(wells, by="Metadata_Compound", reference=NEGCON, fdr=5)
    with pytest.raises(ColumnError, match=r"dose='Metadata_Conc': no such column"):
        cpf.rank_hits(wells, by="Metadata_Compound", dose="Metadata_Conc", reference=NEGCON)
    with pytest.raises(ColumnError, match=r"count='cells': no such column"):
        cpf.rank_hits(wells, by="Metadata_Compound", count="cells", reference=NEGCON)


def test_cell_counts_alone(wells: pd.DataFrame, hits: pd.DataFrame) -> None:
    """The toxic compound is called by its cell count alone and has no controls of like counts; others are not."""
    by_name = hits.set_index("Metadata_Compound")
    assert by_name.index[by_name["toxic"]].tolist() == ["c000"]
    assert by_name.loc["c000", "cell_count_p"] < 0.01
    assert np.isnan(by_name.loc["c000", "count_matched_p"])
    assert "no controls have as few or as many" in by_name.loc["c000", "reason"]
    assert by_name.drop("c000")["cell_count_p"].gt(0.001).all()
    without = cpf.rank_hits(
        wells.drop(columns="Metadata_Object_Count"), by="Metadata_Compound", reference=NEGCON, permutations=100
    )
    assert without[["cell_count_ratio", "cell_count_p"]].isna().all(axis=None)
    assert not without["toxic"].any()


def test_what_is_only_toxicity_is_said(screen_of_noise: callable) -> None:
    """Profiles that follow the cell count: with controls of like counts beside it nothing is left of such a hit."""
    wells = screen_of_noise(n_controls=48, n_compounds=10, n_same=2)
    rng = np.random.default_rng(1)
    names = [name for name in wells if name.startswith("Cells_")]
    few = ((wells["Metadata_Role"] == "negcon") & (rng.random(len(wells)) < 0.25)) | (
        wells["Metadata_Compound"] == "c003"
    )
    wells["Metadata_Object_Count"] = np.where(few, rng.integers(30, 40, len(wells)), wells["Metadata_Object_Count"])
    wells.loc[few, names] += 2 * rng.normal(size=len(names))
    strong = wells["Metadata_Compound"] == "c004"  # as few cells, and a profile of its own
    wells.loc[strong, "Metadata_Object_Count"] = 35
    wells.loc[strong, names] += 3 * rng.normal(size=len(names))
    hits = cpf.rank_hits(wells, by="Metadata_Compound", reference=NEGCON, permutations=2000)
    by_name = hits.set_index("Metadata_Compound")
    assert by_name.loc[["c003", "c004"], "hit"].all()
    assert by_name.loc[["c003", "c004"], "toxic"].all()
    assert by_name.loc["c003", "count_matched_p"] > 0.05
    assert "that may be all there is to it" in by_name.loc["c003", "reason"]
    assert by_name.loc["c004", "count_matched_p"] < 0.05
    assert "it differs from controls of like counts too" in by_name.loc["c004", "reason"]


def test_position_matched_p(screen_of_noise: callable) -> None:
    """Where position alone makes hits, compounds do not beat controls of one position; strong ones still do."""
    options = {"n_controls": 24, "fixed_layout": True, "position_effect": 1.0, "n_compounds": 20}
    null = cpf.rank_hits(screen_of_noise(**options), by="Metadata_Compound", reference=NEGCON, permutations=500)
    assert (null["p_value"] <= 0.05).mean() > 0.5
    assert (null["position_p"] <= 0.1).mean() < 0.3
    assert null["position_p_floor"].eq(1 / 25).all()
    assert null["reason"].str.contains("position-matched p = ").all()
    strong = cpf.rank_hits(
        screen_of_noise(effect=6.0, **options), by="Metadata_Compound", reference=NEGCON, permutations=500
    )
    planted = strong["Metadata_Compound"] < "c010"
    assert strong.loc[planted, "position_p"].median() < strong.loc[~planted, "position_p"].median()
    moving = cpf.rank_hits(screen_of_noise(), by="Metadata_Compound", reference=NEGCON, permutations=100)
    assert moving["position_p"].isna().all()


def test_doses_are_called_in_two_steps(wells: pd.DataFrame) -> None:
    """Doses share the q-value of their compound, come together by it, and the reason says which step failed."""
    doses = wells.assign(Metadata_Dose=np.where(wells["Metadata_Plate"].isin(["P0", "P1"]), 1.0, 10.0))
    hits = cpf.rank_hits(doses, by="Metadata_Compound", dose="Metadata_Dose", reference=NEGCON, permutations=2000)
    assert hits.groupby("Metadata_Compound")["group_q_value"].nunique().eq(1).all()
    called = hits.groupby("hit")["group_q_value"]
    assert called.max().get(True, 0) <= 0.05
    assert hits.loc[hits["hit"], "group_q_value"].is_monotonic_increasing
    assert hits.loc[hits["group_q_value"] > 0.05, "reason"].str.contains("no dose is called: q of all doses").all()


def test_plates_and_wells_are_audited(wells: pd.DataFrame, hits: pd.DataFrame) -> None:
    """The list says what the audits of plates and wells found; well names that cannot be read cost only that audit."""
    assert len(hits.attrs["sentences"]) == 4
    assert hits.attrs["sentences"][2].startswith("layout audit: ")
    assert hits.attrs["sentences"][3].startswith("label audit: ")
    strange = wells.assign(Metadata_Well="well " + wells["Metadata_Well"])
    found = cpf.rank_hits(strange, by="Metadata_Compound", reference=NEGCON, permutations=50)
    assert found.attrs["sentences"][2].startswith("layout audit: not done; Metadata_Well='well")


def test_row_order_changes_nothing(wells: pd.DataFrame, hits: pd.DataFrame) -> None:
    """Shuffled rows give the same list."""
    shuffled = cpf.rank_hits(
        wells.sample(frac=1, random_state=5), by="Metadata_Compound", reference=NEGCON, permutations=2000
    )
    pd.testing.assert_frame_equal(shuffled, hits, rtol=1e-9)


def test_impossible_counts_are_named(wells: pd.DataFrame) -> None:
    """A cell count below zero is a mistake, not a toxic compound."""
    bad = wells.assign(Metadata_Object_Count=-1)
    with pytest.raises(InputError, match=r"count='Metadata_Object_Count': cell counts are 0 or more"):
        cpf.rank_hits(bad, by="Metadata_Compound", reference=NEGCON)


def test_the_table_is_read_once(wells: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features are taken apart, filled and put in order once, whatever is asked of them afterwards."""
    calls: list[str] = []

    def counted(module: str, name: str) -> None:
        usual = getattr(import_module(module), name)
        monkeypatch.setattr(f"{module}.{name}", lambda *given, **more: calls.append(name) or usual(*given, **more))

    for module in ("hits.design", "hits.audits.plate_patterns", "hits.audits.label_audit"):
        counted(f"cellprofiling.{module}", "split")
        counted(f"cellprofiling.{module}", "fill_with_median")
    counted("cellprofiling.hits.calling.activities", "find_design")
    counted("cellprofiling.hits.ranking", "find_design")
    cpf.rank_hits(wells, by="Metadata_Compound", reference=NEGCON, permutations=200)
    assert sorted(calls) == ["fill_with_median", "find_design", "split"]
