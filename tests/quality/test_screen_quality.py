"""A check says what its limits say, names what it means, and never turns green for lack of evidence."""

import math

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import ColumnError, InputError, PlateLayoutError, ReferenceRowsError
from cellprofiling.quality.checks.wells.counts import control_spread
from cellprofiling.quality.screen_quality import check_quality
from tests.builders import NEGCON
from tests.quality.planted import lines

POSCON = "Metadata_Role == 'poscon'"
POSITIVE = ("A12", "B02", "C09", "D04", "E11", "F03", "G08", "H10")  # in no line that a check of position could mean


def screen(plates=("P1",), cells=200, spread=20, seed=0):
    """Give 96 wells a plate: column 1 and 6 negative controls, 8 positive ones apart, counts around `cells`."""
    rng = np.random.default_rng(seed)
    names = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]
    roles = {name: "negcon" for name in names if int(name[1:]) in (1, 6)} | dict.fromkeys(POSITIVE, "poscon")
    plate = pd.DataFrame({"Metadata_Well": names, "Metadata_Role": [roles.get(w, "treatment") for w in names]})
    wells = pd.concat([plate.assign(Metadata_Plate=name) for name in plates], ignore_index=True)
    wells["Metadata_Object_Count"] = np.round(rng.normal(cells, spread, len(wells)))
    wells.loc[wells.Metadata_Role == "poscon", "Metadata_Object_Count"] = np.round(rng.normal(30, 3, 8 * len(plates)))
    for name in ("Cells_a", "Cells_b"):
        wells[name] = rng.normal(1e6, 1e-3, len(wells))
    return wells


def line(quality, check, scope=None):
    found = quality.checks.query("id == @check")
    return (found if scope is None else found.query("scope == @scope")).iloc[0]


def test_a_clean_screen_passes_and_says_what_it_was_not_asked():
    quality = check_quality(screen(("P1", "P2")), reference=NEGCON)
    assert quality.status == "pass"
    not_asked = set(quality.checks.query("status == 'skipped'").id)
    for needs in (
        {"inputs.unannotated_wells", "inputs.missing_wells"},  # a platemap
        {"controls.z_prime", "controls.ssmd"},  # positive controls
        {"hits.chance_audit", "hits.position_audit", "hits.position"},  # the hit list
        {"layout.plate", "replicates.share", "design.one_batch"},  # what is in the wells
        {"cells.flagged", "images.focus"},
    ):
        assert needs <= not_asked
    assert (quality.checks.query("status == 'skipped'").message.str.len() > 10).all()


def test_without_controls_or_counts_the_verdict_is_never_green():
    assert check_quality(screen()).status == "warn"
    no_counts = check_quality(screen().drop(columns="Metadata_Object_Count"), reference=NEGCON)
    assert no_counts.status == "warn"
    assert set(no_counts.flags("well").Metadata_QC_status) == {"skipped"}
    assert "no column 'Metadata_Object_Count'" in line(no_counts, "counts.empty_plate").message


@pytest.mark.parametrize(
    ("low", "status"), [(0, "pass"), (2, "pass"), (3, "warn"), (5, "warn"), (6, "fail"), (20, "fail")]
)
def test_control_wells_with_few_cells_are_held_against_the_plate(low, status):
    """Of 20 controls, 10 % and 25 % themselves are still on the good side."""
    wells = screen()
    controls = wells.index[wells.Metadata_Role != "treatment"][:20]
    wells["Metadata_Role"] = np.where(wells.index.isin(controls), "negcon", "treatment")
    wells["Metadata_Object_Count"] = 200.0 + np.arange(96) % 7
    wells.loc[controls[:low], "Metadata_Object_Count"] = 19
    quality = check_quality(wells, reference=NEGCON)
    assert line(quality, "counts.control_low").status == status
    assert line(quality, "counts.control_low").value == low / 20
    assert (quality.checks.id == "counts.low_well").sum() == low


@pytest.mark.parametrize(
    ("median", "cells", "low"), [(100, 20, False), (100, 19, True), (900, 90, False), (900, 89, True)]
)
def test_few_cells_means_below_20_and_below_a_tenth_of_the_median_control(median, cells, low):
    wells = screen().assign(Metadata_Object_Count=float(median))
    treated = wells.index[wells.Metadata_Role == "treatment"][3]
    wells.loc[treated, "Metadata_Object_Count"] = cells
    quality = check_quality(wells, reference=NEGCON)
    assert quality.flags("well").loc[treated, "Metadata_QC_reasons"] == ("toxic?" if low else "")


def test_treated_wells_without_cells_are_flagged_toxic_and_never_fail_the_plate():
    wells = screen()
    treated = wells.Metadata_Role == "treatment"
    wells.loc[treated, "Metadata_Object_Count"] = 0
    quality = check_quality(wells, reference=NEGCON)
    assert "fail" not in set(quality.checks.query("level != 'well'").status)
    flags = quality.flags("well")
    assert (flags.Metadata_QC_reasons[treated] == "toxic?").all()
    assert (flags.Metadata_QC_status[treated] == "warn").all()
    assert (flags.Metadata_QC_status[~treated] == "pass").sum() == 24


def test_positive_controls_are_not_called_toxic():
    wells = screen(cells=900)
    quality = check_quality(wells, reference=NEGCON, positive=POSCON)
    assert (quality.flags("well").Metadata_QC_reasons[wells.Metadata_Role == "poscon"] == "").all()


def test_an_empty_plate_fails():
    wells = screen(("P1", "P2"))
    wells.loc[wells.Metadata_Plate == "P2", "Metadata_Object_Count"] = 0
    quality = check_quality(wells, reference=NEGCON)
    assert line(quality, "counts.empty_plate", "P2").status == "fail"
    assert quality.flags("plate").Metadata_QC_status.tolist() == ["pass", "fail"]


def test_a_missing_count_is_inconclusive_and_not_zero_cells():
    wells = screen()
    wells.loc[5, "Metadata_Object_Count"] = np.nan
    wells.loc[wells.Metadata_Well.isin(["A02", "A03"]), "Metadata_Object_Count"] = np.nan
    quality = check_quality(wells, reference=NEGCON)
    assert line(quality, "counts.low_well").status == "inconclusive"
    assert line(quality, "counts.control_low").n == 15
    assert quality.status == "pass"  # wells never decide
    wells.loc[wells.Metadata_Role == "negcon", "Metadata_Object_Count"] = np.nan
    quality = check_quality(wells, reference=NEGCON)
    assert line(quality, "counts.control_low").status == "inconclusive"
    assert quality.status == "warn"


def test_doubled_wells_fail_however_they_are_written():
    wells = screen()
    wells.loc[1, "Metadata_Well"] = "a1"
    quality = check_quality(wells, reference=NEGCON)
    assert line(quality, "inputs.duplicate_wells", "screen").value == 2
    assert quality.status == "fail"
    assert quality.flags("well").Metadata_QC_reasons[:2].tolist() == ["duplicate", "duplicate"]


@pytest.mark.parametrize(("controls", "status"), [(0, "fail"), (3, "fail"), (4, "warn"), (7, "warn"), (8, "pass")])
def test_each_plate_needs_negative_controls(controls, status):
    wells = screen(("P1", "P2")).drop(columns="Metadata_Object_Count")
    negative = wells.index[(wells.Metadata_Plate == "P2") & (wells.Metadata_Role == "negcon")]
    wells.loc[negative[controls:], "Metadata_Role"] = "treatment"
    quality = check_quality(wells, reference=NEGCON)
    assert line(quality, "design.controls", "P1").status == "pass"
    assert line(quality, "design.controls", "P2").status == status
    assert line(quality, "design.controls", "P2").value == controls


def test_controls_that_all_lie_in_one_line_warn():
    wells = screen()
    column, row = {"Metadata_Well": ["B06", "C06", "D06"]}, {"Metadata_Well": ["B02", "B05", "B09"]}
    for reference in (column, row):
        assert line(check_quality(wells, reference=reference), "design.controls_lines").status == "warn"
    spread = check_quality(wells, reference={"Metadata_Well": ["B06", "C07", "D06"]})
    assert line(spread, "design.controls_lines").status == "pass"
    assert line(spread, "design.controls_lines").value == 2


def test_controls_that_all_lie_on_the_edge_warn():
    wells = screen()
    assert line(check_quality(wells, reference=NEGCON), "design.controls_inside").value == 6
    edge = {"Metadata_Well": [f"{row}01" for row in "ABCDEFGH"]}
    quality = check_quality(wells, reference=edge)
    assert line(quality, "design.controls_inside").status == "warn"


@pytest.mark.parametrize(("missing", "status"), [(0, "pass"), (5, "pass"), (6, "warn"), (20, "warn"), (21, "fail")])
def test_features_missing_in_many_wells(missing, status):
    wells = screen()[["Metadata_Plate", "Metadata_Well", "Metadata_Role"]].copy()
    x = np.random.default_rng(0).normal(size=(96, 100))
    x[:4] = np.nan  # wells without cells have no features and are not asked
    x[4:10, :missing] = np.nan  # 6 of 92 wells: more than 5 %
    x[10:14, missing:] = np.nan  # 4 of 92 wells: not many
    wells = pd.concat([wells, pd.DataFrame(x, columns=[f"Cells_f{i}" for i in range(100)])], axis=1)
    got = line(check_quality(wells, reference=NEGCON), "features.missing")
    assert (got.status, got.value, got.n) == (status, missing / 100, 100)


def test_infinite_features_count_as_missing():
    wells = screen()
    wells.loc[:9, "Cells_a"] = np.inf
    assert line(check_quality(wells, reference=NEGCON), "features.missing").value == 0.5


def test_a_table_without_features_or_with_a_lost_label_is_checked_for_the_rest():
    counts_only = check_quality(screen().drop(columns=["Cells_a", "Cells_b"]), reference=NEGCON)
    assert line(counts_only, "features.missing").status == "skipped"
    label = check_quality(screen().assign(Cells_label="x"), reference=NEGCON)
    assert line(label, "features.missing").status == "pass"
    assert line(label, "counts.empty_plate").status == "pass"


def test_a_plate_without_any_feature_is_inconclusive():
    got = line(check_quality(screen().assign(Cells_a=np.nan, Cells_b=np.nan), reference=NEGCON), "features.missing")
    assert got.status == "inconclusive"


@pytest.mark.parametrize(("cv", "status"), [(0.1, "pass"), (0.4, "warn"), (0.8, "fail"), (0.0, "inconclusive")])
def test_spread_of_control_counts(cv, status):
    """Counts 1000 (1 - s), 1000, 1000 (1 + s) in equal parts have a MAD of 1000 s."""
    wells = screen()
    negative = wells.index[wells.Metadata_Role == "negcon"][:15]
    wells["Metadata_Role"] = np.where(wells.index.isin(negative), "negcon", "treatment")
    step = cv / 1.4826
    wells.loc[negative, "Metadata_Object_Count"] = 1000 * (1 + step * np.tile([-1, 0, 1], 5))
    got = line(check_quality(wells, reference=NEGCON), "controls.count_spread")
    assert got.status == status
    assert math.isnan(got.value) if cv == 0 else got.value == pytest.approx(cv, rel=1e-4)


def test_separated_positive_controls_pass_and_those_that_do_nothing_fail():
    good = check_quality(screen(cells=900, spread=20), reference=NEGCON, positive=POSCON)
    assert line(good, "controls.z_prime").status == "pass"
    assert line(good, "controls.ssmd").status == "pass"
    assert line(good, "controls.z_prime").ci_low < line(good, "controls.z_prime").value
    nothing = screen()
    rng = np.random.default_rng(3)
    nothing["Metadata_Object_Count"] = np.round(rng.normal(200, 20, len(nothing)))
    bad = check_quality(nothing, reference=NEGCON, positive=POSCON)
    assert line(bad, "controls.z_prime").status == "fail"
    assert line(bad, "controls.ssmd").status == "fail"
    assert bad.status == "fail"


def test_controls_without_spread_have_an_inconclusive_z_prime():
    wells = screen()
    wells["Metadata_Object_Count"] = np.where(wells.Metadata_Role == "poscon", 30.0, 200.0)
    quality = check_quality(wells, reference=NEGCON, positive=POSCON)
    assert line(quality, "controls.z_prime").status == "inconclusive"
    assert line(quality, "controls.ssmd").status == "inconclusive"
    assert check_quality(wells.drop(columns=["Cells_a", "Cells_b"]), reference=NEGCON, positive=POSCON).status == "warn"


def test_three_positive_wells_are_too_few_to_tell():
    wells = screen()
    spare = wells.index[wells.Metadata_Role == "poscon"][3:]
    wells.loc[spare, "Metadata_Role"] = "treatment"
    got = line(check_quality(wells, reference=NEGCON, positive=POSCON), "controls.z_prime")
    assert (got.status, got.n) == ("inconclusive", 3)


def test_wells_are_compared_with_the_platemap():
    wells = screen()
    platemap = wells[["Metadata_Plate", "Metadata_Well", "Metadata_Role"]]
    lacking = check_quality(wells.iloc[:90].drop(columns="Metadata_Role"), platemap=platemap, reference=NEGCON)
    assert line(lacking, "inputs.missing_wells").status == "fail"
    assert line(lacking, "inputs.missing_wells").value == 6 / 96
    assert line(lacking, "inputs.unannotated_wells").status == "pass"
    assert line(lacking, "design.controls").value == 16  # the role was looked up in the platemap
    extra = check_quality(wells, platemap=platemap.iloc[:94], reference=NEGCON)
    assert line(extra, "inputs.unannotated_wells").status == "warn"
    assert line(extra, "inputs.unannotated_wells").message.endswith("'H11', 'H12'.")


def test_a_plate_that_only_the_platemap_knows_fails():
    wells = screen(("P1", "P2"))
    platemap = wells[["Metadata_Plate", "Metadata_Well"]]
    quality = check_quality(wells[wells.Metadata_Plate == "P1"], platemap=platemap, reference=NEGCON)
    assert line(quality, "inputs.missing_wells", "P2").status == "fail"


def test_a_platemap_without_plates_holds_for_every_plate():
    wells = screen(("P1", "P2"))
    layout = wells.loc[wells.Metadata_Plate == "P1", ["Metadata_Well", "Metadata_Role"]]
    quality = check_quality(wells.drop(columns="Metadata_Role"), platemap=layout, reference=NEGCON)
    assert line(quality, "inputs.missing_wells", "P2").value == 0
    assert line(quality, "design.controls", "P2").value == 16


def test_the_platemap_lookup_keeps_rows_in_order_and_leaves_the_tables_alone():
    wells = screen(("P1", "P2")).sample(frac=1, random_state=0)
    platemap = wells[["Metadata_Plate", "Metadata_Well", "Metadata_Role"]].sample(frac=1, random_state=1)
    bare = wells.drop(columns="Metadata_Role")
    before = bare.copy(), platemap.copy()
    quality = check_quality(bare, platemap=platemap, reference=NEGCON)
    pd.testing.assert_frame_equal(bare, before[0])
    pd.testing.assert_frame_equal(platemap, before[1])
    assert quality.flags("well").index.equals(bare.index)
    with_roles = check_quality(wells, platemap=platemap, reference=NEGCON)
    pd.testing.assert_frame_equal(quality.checks, with_roles.checks)


def test_checks_do_not_depend_on_the_order_of_rows():
    wells = screen(("P1", "P2"))
    wells.loc[[3, 70], "Metadata_Object_Count"] = 2
    shuffled = wells.sample(frac=1, random_state=0)
    options = {"reference": NEGCON, "positive": POSCON}
    assert check_quality(wells, **options).to_json() == check_quality(shuffled, **options).to_json()


def test_numbers_can_be_given_anew_and_carry_that_in_their_source():
    wells = screen()
    quality = check_quality(wells, reference=NEGCON, thresholds={"controls.count_spread": {"warn": 0.01, "wells": 3}})
    got = line(quality, "controls.count_spread")
    assert got.status == "warn"
    assert got.source.startswith("given by the user in place of warn 0.35, wells 4")
    assert got.threshold == "warn above 1 %, fail above 70 %"


def test_none_switches_a_limit_off():
    wells = screen()
    wells.loc[1, "Metadata_Well"] = "A01"
    thresholds = {"inputs.duplicate_wells": {"fail": None}}
    assert check_quality(wells, reference=NEGCON, thresholds=thresholds).status == "pass"


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"counts.control_lo": {"warn": 1}}, "Did you mean 'counts.control_low'"),
        ({"counts.toxic": {"warn": 1}}, "thresholds='counts.toxic': choose one of"),
        ({"counts.control_low": {"wurn": 1}}, "'wurn': choose one of 'warn', 'fail', 'minimum', 'relative'"),
        ({"counts.control_low": {"warn": "much"}}, "expected a number"),
        ({"counts.control_low": {"warn": True}}, "expected a number"),
        ({"counts.control_low": {"warn": math.nan}}, "expected a number"),
        ({"counts.control_low": 0.3}, "give names and numbers"),
    ],
)
def test_unknown_thresholds_are_refused(thresholds, message):
    with pytest.raises(InputError, match=message):
        check_quality(screen(), reference=NEGCON, thresholds=thresholds)


def test_mistakes_are_said():
    wells = screen()
    with pytest.raises(InputError, match="wells=a DataFrame of 0 rows"):
        check_quality(wells.iloc[:0])
    with pytest.raises(ColumnError, match="plate='Metadata_Plat'"):
        check_quality(wells, plate="Metadata_Plat")
    with pytest.raises(ColumnError, match="count='Cells'"):
        check_quality(wells, count="Cells")
    with pytest.raises(ColumnError, match="platemap='Metadata_Well'"):
        check_quality(wells, platemap=pd.DataFrame({"well": ["A01"]}))
    with pytest.raises(ReferenceRowsError, match=r"positive=.*matches no row"):
        check_quality(wells, reference=NEGCON, positive="Metadata_Role == 'killer'")
    with pytest.raises(PlateLayoutError, match="Z99"):
        check_quality(wells.replace({"Metadata_Well": {"A01": "Z99"}}))
    with pytest.raises(ColumnError, match="1 of 96 rows"):
        check_quality(wells.assign(Metadata_Well=wells.Metadata_Well.where(wells.index > 0)))


def test_what_was_given_but_is_not_checked_is_said():
    quality = check_quality(screen(), reference=NEGCON, cells=screen())
    assert "carry no flags" in line(quality, "cells.flagged").message
    assert "No measurements of images were given" in line(quality, "images.focus").message


@pytest.mark.real
def test_killer_wells_of_a_published_sirna_screen_separate_from_its_negative_controls(real_data):
    """Schibler 2023 (eLife 80653): column 23 holds negative controls in odd rows and cell killers in even ones."""
    path = real_data("nucleus_columbus_screen/single_cell/secondary_screen_columbus_per_well.csv.gz")
    table = pd.read_csv(path)
    wells = pd.DataFrame(
        {
            "Metadata_Plate": table["PlateName"],
            "Metadata_Well": [f"{well[0]}{int(well[1:]):02d}" for well in table["WellName"]],
            "Metadata_Object_Count": table["Nuclei Selected - Number of Objects"],
        }
    )
    in_23 = table["Column"] == 23
    quality = check_quality(wells, reference=in_23 & (table["Row"] % 2 == 1), positive=in_23 & (table["Row"] % 2 == 0))
    plates = quality.checks.query("id == 'controls.ssmd'")
    assert (plates.value > 2).all()
    assert (quality.checks.query("id == 'design.controls_inside'").value == 7).all()  # row A is the edge; O is not


@pytest.mark.slow
@pytest.mark.real
def test_few_of_270_public_plates_spread_more_than_the_limit(real_data):
    """The limit of 0.35 rests on these plates (LINCS Cell Painting, DMSO wells)."""
    warned, plates = 0, 0
    for name in ("2016_04_01_a549_48hr_batch1", "2017_12_05_Batch2"):
        table = pd.read_parquet(real_data(f"lincs_cell_counts/{name}_cell_counts.parquet"))
        wells = table[["Plate", "Well", "cell_count"]].set_axis(
            ["Metadata_Plate", "Metadata_Well", "Metadata_Object_Count"], axis=1
        )
        spread = lines(control_spread, wells, reference=table["broad_sample"].isna().to_numpy(), positive=None, by=None)
        warned, plates = warned + (spread.status == "warn").sum(), plates + len(spread)
        assert set(spread.status) <= {"pass", "warn"}
    assert plates == 270
    assert 0 < warned < 0.12 * plates


def audited(same, different, same_position=True):
    """Return a hit list whose audit has these lower ends of intervals."""
    hits = pd.DataFrame({"hit": [True, False], "same_position": [same_position, False]})
    rows = {"same position": same, "different positions": different}
    hits.attrs["audit"] = [
        {"layout": layout, "n": 200, "rate": 0.1, "ci_low": low, "ci_high": 0.9, "message": "20 of 200 are called"}
        for layout, low in rows.items()
    ]
    return hits


@pytest.mark.parametrize(
    ("same", "different", "position", "chance"),
    [
        (0.04, 0.04, "pass", "pass"),
        (0.06, 0.04, "warn", "pass"),
        (0.04, 0.06, "pass", "fail"),
        (None, 0.01, None, "pass"),
    ],
)
def test_the_audit_of_a_hit_list_is_judged_by_the_lower_end_of_its_interval(same, different, position, chance):
    quality = check_quality(screen(), reference=NEGCON, hits=audited(same, different))
    assert line(quality, "hits.position_audit").status == (position or "inconclusive")
    assert line(quality, "hits.chance_audit").status == chance
    assert line(quality, "hits.chance_audit").message == "20 of 200 are called."
    assert quality.status == {"warn": "warn", None: "warn"}.get(position, chance)


def test_position_does_not_matter_where_no_hit_has_one():
    quality = check_quality(screen(), reference=NEGCON, hits=audited(0.5, 0.01, same_position=False))
    assert line(quality, "hits.position_audit").status == "skipped"
    assert line(check_quality(screen(), reference=NEGCON), "hits.chance_audit").status == "skipped"
