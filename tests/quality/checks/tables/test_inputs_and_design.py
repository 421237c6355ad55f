"""Inputs, labels and design: what is planted is found, what is clean is left alone."""

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import ColumnError, InputError, KeyMatchError
from cellprofiling.quality.screen_quality import check_quality

NEGCON, BY = "Metadata_Role == 'negcon'", "Metadata_Compound"


def line(quality, check, scope="screen"):
    return quality.checks.query("id == @check and scope == @scope").iloc[0]


def test_plates_that_only_one_side_knows_fail_and_the_likely_twin_is_named(clean) -> None:
    clean["Metadata_Plate"] = "BR0011700" + clean["Metadata_Plate"].str[2:]
    platemap = clean[["Metadata_Plate", "Metadata_Well", "Metadata_Role"]]
    right = check_quality(clean, platemap=platemap, reference=NEGCON)
    assert (line(right, "inputs.unmatched_plates").status, line(right, "inputs.unmatched_plates").n) == ("pass", 4)
    typo = clean.assign(Metadata_Plate=clean["Metadata_Plate"].replace("BR00117003", "BR0O117003"))
    wrong = line(check_quality(typo, platemap=platemap, reference=NEGCON), "inputs.unmatched_plates")
    assert (wrong.status, wrong.value, wrong.n) == ("fail", 2, 5)
    assert wrong.message.startswith("Plates 'BR0O117003' are not in the platemap, and plates 'BR00117003' of the")
    assert "Did you mean 'BR00117003'?" in wrong.message


def test_a_plate_with_another_number_of_wells_warns_where_no_platemap_says_more(clean) -> None:
    short = clean.drop(clean.index[-2:])
    found = line(check_quality(short, reference=NEGCON), "inputs.wells_per_plate", "P03")
    assert (found.status, found.value) == ("warn", 2 / 96)
    assert line(check_quality(short, reference=NEGCON), "inputs.wells_per_plate", "P00").status == "pass"
    two = clean[clean["Metadata_Plate"].isin(["P00", "P01"])]
    assert line(check_quality(two, reference=NEGCON), "inputs.wells_per_plate").status == "skipped"
    mapped = check_quality(short, platemap=clean[["Metadata_Plate", "Metadata_Well"]], reference=NEGCON)
    assert line(mapped, "inputs.wells_per_plate").status == "skipped"


def test_columns_that_mix_numbers_and_text_are_named(clean) -> None:
    dose = pd.Series([1, "1"] * (len(clean) // 2), dtype=object)
    found = line(check_quality(clean.assign(Metadata_Dose=dose), reference=NEGCON), "inputs.mixed_types")
    assert (found.status, found.value) == ("warn", 1)
    assert "'Metadata_Dose'" in found.message
    gaps = clean.assign(Metadata_Note=pd.Series(["a", None] * (len(clean) // 2), dtype=object))
    assert line(check_quality(gaps, reference=NEGCON), "inputs.mixed_types").status == "pass"


@pytest.mark.parametrize(("n", "status"), [(0, "pass"), (1, "warn"), (4, "warn"), (5, "fail")])
def test_treated_wells_without_a_label_count_on_their_plate(clean, n, status) -> None:
    """1 of 80 is above 1 %, 4 of 80 are 5 %; controls without a label are not asked."""
    clean.loc[clean.index[16 : 16 + n], BY] = None
    clean.loc[clean.index[:5], BY] = None
    found = line(check_quality(clean, reference=NEGCON, by=BY), "inputs.unlabeled_wells", "P00")
    assert (found.status, found.value, found.n) == (status, n / 80, 80)


def test_one_label_everywhere_warns(clean) -> None:
    assert line(check_quality(clean, reference=NEGCON, by=BY), "inputs.constant_label").value == 80
    same = clean.assign(Metadata_Compound=np.where(clean["Metadata_Role"] == "negcon", "DMSO", "c"))
    assert line(check_quality(same, reference=NEGCON, by=BY), "inputs.constant_label").status == "warn"


def test_without_by_nothing_is_said_of_perturbations_unless_the_hit_list_names_them(clean) -> None:
    names = ["inputs.constant_label", "design.one_batch", "design.one_position", "layout.plate", "replicates.share"]
    without = check_quality(clean, reference=NEGCON)
    assert {line(without, name).status for name in names} == {"skipped"}
    hits = pd.DataFrame({BY: ["c0-00"], "hit": [False]})
    hits.attrs["parameters"] = {"by": [BY]}
    assert line(check_quality(clean, reference=NEGCON, hits=hits), "inputs.constant_label").value == 80


def test_confounding_with_batch_plate_and_position(clean) -> None:
    """Each compound in both batches, on four plates, in one well: only the position is confounded."""
    quality = check_quality(clean, reference=NEGCON, by=BY)
    assert line(quality, "design.one_batch").value == 0
    assert line(quality, "design.one_plate").value == 0
    fixed = line(quality, "design.one_position")
    assert (fixed.status, fixed.value, fixed.n) == ("warn", 1.0, 80)
    apart = clean.assign(Metadata_Compound=clean["Metadata_Compound"] + clean["Metadata_Batch"])
    told = line(check_quality(apart, reference=NEGCON, by=BY), "design.one_batch")
    assert (told.status, told.value) == ("warn", pytest.approx(1.0))
    single = clean.assign(Metadata_Compound=clean["Metadata_Compound"].str[:4] + clean["Metadata_Plate"])
    assert line(check_quality(single, reference=NEGCON, by=BY), "design.one_plate").value == 1


def test_batch_is_skipped_with_one_batch_and_inconclusive_without_replicates(clean) -> None:
    one = check_quality(clean.assign(Metadata_Batch="B"), reference=NEGCON, by=BY)
    assert line(one, "design.one_batch").message == "The wells are of 1 batch."
    alone = clean.assign(Metadata_Compound=[f"c{i}" for i in range(len(clean))])
    quality = check_quality(alone, reference=NEGCON, by=BY)
    assert line(quality, "design.one_batch").status == "inconclusive"
    assert line(quality, "design.one_plate").message == "No perturbation has more than one well."


def test_mistakes_are_said(clean) -> None:
    with pytest.raises(ColumnError, match="by='Metadata_Compund'"):
        check_quality(clean, by="Metadata_Compund")
    with pytest.raises(ColumnError, match="order='Metadata_Date': no such column"):
        check_quality(clean, order="Metadata_Date")
    dates = clean.assign(Metadata_Date=np.where(clean["Metadata_Plate"] == "P02", np.nan, 1.0))
    with pytest.raises(ColumnError, match="wells of plates 'P02' have no value"):
        check_quality(dates, order="Metadata_Date")
    with pytest.raises(KeyMatchError, match="profiles: none of the 384 wells"):
        check_quality(clean, profiles=clean.assign(Metadata_Plate="Q"))
    with pytest.raises(InputError, match="cells=3: not a table of cells"):
        check_quality(clean, cells=3)
    with pytest.raises(InputError, match=r"images=3: not a pandas\.DataFrame"):
        check_quality(clean, images=3)


def test_plates_are_taken_in_the_order_of_acquisition_and_the_record_says_so(clean) -> None:
    dated = clean.assign(Metadata_Date=clean["Metadata_Plate"].map({"P00": 3, "P01": 1, "P02": 2, "P03": 2}))
    assert check_quality(dated, reference=NEGCON, order="Metadata_Date").order == ("P01", "P02", "P03", "P00")
    assert check_quality(dated, reference=NEGCON).order == ()
