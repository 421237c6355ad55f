"""What a verdict does to a table, and where it is written."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError, KeyMatchError
from cellprofiling.quality.screen_quality import check_quality

NEGCON, BY = "Metadata_Role == 'negcon'", "Metadata_Compound"
FEATURES = [f"Cells_f{i}" for i in range(30)]


@pytest.fixture
def faulty(clean: pd.DataFrame) -> pd.DataFrame:
    """Return a screen with an empty plate P01, an empty control well, and a toxic well."""
    clean.loc[clean["Metadata_Plate"] == "P01", "Metadata_Object_Count"] = 0
    clean.loc[0, "Metadata_Object_Count"] = 1  # a control well of P00
    clean.loc[50, "Metadata_Object_Count"] = 1
    return clean


@pytest.fixture
def quality(faulty: pd.DataFrame) -> object:
    """Return its verdict."""
    return check_quality(faulty, reference=NEGCON)


def test_drop_leaves_failed_wells_and_plates_out_and_names_them(faulty, quality) -> None:
    before = faulty.copy()
    kept = quality.apply(faulty)
    assert kept.index.tolist() == [i for i in faulty.index if not (i == 0 or faulty["Metadata_Plate"][i] == "P01")]
    pd.testing.assert_frame_equal(faulty, before)
    pd.testing.assert_frame_equal(kept, faulty.loc[kept.index])
    ledger = cpf.ledger(kept)
    assert ledger["step"].unique().tolist() == ["quality"]
    assert ledger[["item", "name", "n"]].values.tolist() == [["plate", "P01", 96], ["well", "P00 A01", 1]]
    assert ledger["reason"].tolist()[1] == "left out: low cell count"
    assert "counts.empty_plate" in ledger["reason"][0]


def test_mask_sets_their_features_to_missing_and_keeps_the_rest(faulty, quality) -> None:
    faulty["Cells_whole"] = 3 * np.arange(len(faulty))
    masked = quality.apply(faulty, "mask")
    out = np.r_[0, 96:192]
    assert masked.loc[out, [*FEATURES, "Cells_whole"]].isna().all(axis=None)
    assert masked.columns.tolist() == faulty.columns.tolist()
    rest = faulty.index.difference(out)
    pd.testing.assert_frame_equal(masked.loc[rest], faulty.loc[rest], check_dtype=False)
    assert masked["Metadata_Object_Count"].equals(faulty["Metadata_Object_Count"])
    assert cpf.ledger(masked)["reason"].str.startswith("features set to missing").all()


def test_flag_adds_metadata_that_no_later_step_takes_for_features(faulty, quality) -> None:
    flagged = quality.apply(faulty, "flag")
    assert flagged.drop(columns=["Metadata_QC_status", "Metadata_QC_reasons"]).equals(faulty)
    assert flagged.loc[[0, 50, 51], "Metadata_QC_status"].tolist() == ["fail", "warn", "pass"]
    assert flagged.loc[50, "Metadata_QC_reasons"] == "toxic?"
    assert cpf.normalize(flagged, reference=NEGCON).filter(like="Cells_").shape[1] == 30


def test_profiles_in_another_order_and_with_other_names_are_matched_by_well(faulty, quality) -> None:
    profiles = faulty.sample(frac=1, random_state=0).rename(columns={"Metadata_Well": "Metadata_Place"})
    profiles["Metadata_Place"] = profiles["Metadata_Place"].str.lower()
    kept = quality.apply(profiles, well="Metadata_Place")
    assert kept.index.tolist() == [i for i in profiles.index if i in quality.apply(faulty).index]
    stranger = pd.concat([profiles, profiles.iloc[:1].assign(Metadata_Plate="new")], ignore_index=True)
    assert quality.apply(stranger, "flag", well="Metadata_Place")["Metadata_QC_status"].iloc[-1] == "skipped"
    assert len(quality.apply(stranger, well="Metadata_Place")) == len(kept) + 1


def test_a_waived_plate_stays(faulty) -> None:
    waivers = [{"check": "counts.empty_plate", "reason": "blank on purpose", "who": "Ada"}]
    waivers += [{"check": name, "reason": "blank", "who": "Ada"} for name in ("counts.control_low", "counts.low_well")]
    waivers += [{"check": name, "reason": "blank", "who": "Ada"} for name in ("counts.dead_plate", "counts.thin_line")]
    quality = check_quality(faulty, reference=NEGCON, waivers=waivers)
    assert "P01" in set(quality.apply(faulty)["Metadata_Plate"])


def test_a_plate_that_fails_only_where_failing_is_no_gate_warns_and_stays(clean) -> None:
    edge = clean["Metadata_Well"].str.fullmatch("[AH].*|.(01|12)")
    clean.loc[edge, "Metadata_Object_Count"] *= 0.6
    quality = check_quality(clean, reference=NEGCON)
    assert "fail" in set(quality.checks.query("id == 'position.edge'")["status"])
    assert quality.status == "warn"
    assert set(quality.flags("plate")["Metadata_QC_status"]) == {"warn"}
    assert len(quality.apply(clean)) == len(clean)


def test_mistakes_are_said(faulty, quality) -> None:
    with pytest.raises(InputError, match="action='remove': choose one of 'drop', 'mask', 'flag'"):
        quality.apply(faulty, "remove")
    with pytest.raises(ColumnError, match="Metadata_Place"):
        quality.apply(faulty, well="Metadata_Place")
    with pytest.raises(KeyMatchError, match="none of its 384 wells was checked; the first is Q A01"):
        quality.apply(faulty.assign(Metadata_Plate="Q").sort_values("Metadata_Well"))
    with pytest.raises(InputError, match="fail_on='always': choose one of 'never'"):
        quality.stops("always")


def test_all_files_are_written_and_read_back_the_same(quality, tmp_path: Path) -> None:
    folder = quality.write(tmp_path / "qc")
    assert json.loads((folder / "quality.json").read_text(encoding="utf-8"))["status"] == "fail"
    checks = pd.read_parquet(folder / "checks.parquet")
    assert checks["message"].tolist() == quality.checks["message"].tolist()
    assert checks["value"].equals(quality.checks["value"])
    for level, name in (("well", "flags_wells"), ("plate", "flags_plates")):
        read = pd.read_parquet(folder / f"{name}.parquet")
        pd.testing.assert_frame_equal(read, quality.flags(level).reset_index(drop=True), check_dtype=False)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_junit_counts_agree_with_the_checks(quality, tmp_path: Path) -> None:
    root = ElementTree.fromstring(quality.to_junit(tmp_path / "junit.xml"))
    assert (tmp_path / "junit.xml").read_text(encoding="utf-8") == quality.to_junit()
    checks = quality.checks.query("level != 'well'")
    assert int(root.get("tests")) == len(checks) == len(root.findall(".//testcase"))
    assert (
        int(root.get("failures")) == ((checks.status == "fail") & checks.gate).sum() == len(root.findall(".//failure"))
    )
    assert int(root.get("skipped")) == checks.status.isin(["skipped", "inconclusive"]).sum()
    empty = root.find(".//testcase[@classname='counts.empty_plate'][@name='P01']/failure")
    assert "holds 0 cells" in empty.get("message")
    assert root.find(".//property").get("value") == "fail"


def test_names_that_no_xml_can_hold_are_written_without_what_it_cannot(clean) -> None:
    evil = 'P\x00\x1b"><&'
    quality = check_quality(clean.assign(Metadata_Plate=evil).drop_duplicates("Metadata_Well"), reference=NEGCON)
    names = {case.get("name") for case in ElementTree.fromstring(quality.to_junit()).iter("testcase")}
    assert names == {"screen", 'P"><&'}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_wells_in_another_order_give_the_same_bytes(faulty, seed) -> None:
    hits = pd.DataFrame({BY: sorted(set(faulty[BY]) - {"DMSO"}), "hit": [True] * 10 + [False] * 70})
    doubled = pd.concat([faulty, faulty.iloc[:1].assign(Cells_f0=9.0)], ignore_index=True)
    shuffled = doubled.sample(frac=1, random_state=seed)
    platemap = faulty[["Metadata_Plate", "Metadata_Well", BY]].sample(frac=1, random_state=seed)
    options = {"reference": NEGCON, "by": BY, "hits": hits}
    one = check_quality(doubled, platemap=platemap.sort_index(), profiles=doubled, **options)
    other = check_quality(shuffled, platemap=platemap, profiles=doubled, **options)
    assert one.to_json() == other.to_json()
    assert one.to_junit() == other.to_junit()
    flags = one.flags("well")
    assert other.flags("well").index.equals(shuffled.index)
    once = flags[~flags.index.isin([0, len(doubled) - 1])]
    pd.testing.assert_frame_equal(other.flags("well").loc[once.index], once)


@pytest.mark.parametrize(
    ("counts", "stops"),
    [
        ("clean", {"never": False, "fail": False, "warn": False, "inconclusive": False}),
        ("warn", {"never": False, "fail": False, "warn": True, "inconclusive": True}),
        ("inconclusive", {"never": False, "fail": False, "warn": False, "inconclusive": True}),
        ("fail", {"never": False, "fail": True, "warn": True, "inconclusive": True}),
    ],
)
def test_when_a_pipeline_stops(make, counts, stops) -> None:
    wells = make(n_plates=2, active=0.0)
    wells = wells[wells.columns[:6]]
    if counts == "warn":
        wells.loc[wells.index[16:], "Metadata_Role"] = wells["Metadata_Role"][16:].replace("negcon", "treatment")
        wells.loc[wells.index[96:101], "Metadata_Role"] = "negcon"
    if counts == "inconclusive":
        wells.loc[wells["Metadata_Role"] == "negcon", "Metadata_Object_Count"] = np.nan
    if counts == "fail":
        wells.loc[wells["Metadata_Plate"] == "P00", "Metadata_Object_Count"] = 0
    quality = check_quality(wells, reference=NEGCON)
    assert {name: quality.stops(name) for name in stops} == stops, repr(quality)
