"""Every profile keeps its place and its values; a platemap that does not fit is refused, with what is wrong."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import ColumnError, InputError, KeyMatchError
from cellprofiling.core.ledgers import ledger
from cellprofiling.profiles.annotation import annotate

SPELLED = "written in several ways, taken as one"
WELLS = ["A01", "A02", "B01"]


def profiles(plates: tuple[str, ...] = ("P1", "P2")) -> pd.DataFrame:
    n = len(plates) * len(WELLS)
    table = pd.DataFrame(
        {
            "Cells_Area": np.arange(n, dtype=np.float32),
            "Metadata_Plate": np.repeat(plates, len(WELLS)),
            "Location_Center_X": 1,
            "Metadata_Well": WELLS * len(plates),
            "Cells_Length": np.linspace(1e6, 1e6 + 1e-3, n),
        },
        index=[f"row{i}" for i in range(n)],
    )
    table.attrs["ledger"] = [{"step": "before", "item": "well", "name": "x", "reason": "y", "n": 1}]
    return table


def platemap(plates: tuple[str, ...] = ("P1", "P2")) -> pd.DataFrame:
    table = profiles(plates)[["Metadata_Plate", "Metadata_Well"]].reset_index(drop=True)
    return table.assign(Metadata_Gene=[f"G{i}" for i in range(len(table))], Metadata_Dose=np.arange(len(table)))[::-1]


def test_columns_come_beside_their_wells_and_nothing_else_changes():
    before, map_before = profiles(), platemap()
    annotated = annotate(profiles(), platemap())
    order = ["Plate", "Well", "Gene", "Dose"]
    assert list(annotated) == [f"Metadata_{name}" for name in order] + [
        "Cells_Area",
        "Location_Center_X",
        "Cells_Length",
    ]
    assert annotated["Metadata_Gene"].tolist() == [f"G{i}" for i in range(6)]
    assert annotated["Metadata_Dose"].dtype.kind == "i"
    assert_frame_equal(annotated[list(before)], before)
    assert ledger(annotated)["step"].tolist() == ["before"]
    assert_frame_equal(platemap(), map_before)


@given(st.permutations(range(6)), st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(ours, theirs):
    annotated = annotate(profiles().iloc[ours], platemap().iloc[theirs])
    assert_frame_equal(annotated, annotate(profiles(), platemap()).iloc[ours])


def test_cells_have_many_rows_for_each_well():
    cells = pd.concat([profiles()] * 3)
    annotated = annotate(cells, platemap())
    assert len(annotated) == 18
    assert annotated["Metadata_Gene"].tolist() == [f"G{i}" for i in range(6)] * 3


def test_a_platemap_without_plate_is_for_every_plate():
    annotated = annotate(profiles(), platemap(("P1",)).drop(columns="Metadata_Plate"))
    assert annotated["Metadata_Gene"].tolist() == ["G0", "G1", "G2"] * 2


def test_keys_can_be_named():
    by_batch = pd.DataFrame({"Metadata_Plate": ["P1", "P2"], "Metadata_Batch": [1, 2]})
    assert annotate(profiles(), by_batch, on="Metadata_Plate")["Metadata_Batch"].tolist() == [1] * 3 + [2] * 3
    with pytest.raises(ColumnError, match="on='Metadata_plate': no such column"):
        annotate(profiles(), by_batch, on="Metadata_plate")
    with pytest.raises(ColumnError, match="on='Metadata_Well': no such column"):
        annotate(profiles(), by_batch, on=["Metadata_Plate", "Metadata_Well"])
    with pytest.raises(ColumnError, match="on=None: no column 'Metadata_Well' in the platemap"):
        annotate(profiles(), by_batch)
    with pytest.raises(ColumnError, match="on=None: no column 'Metadata_Well' in the profiles"):
        annotate(profiles().drop(columns="Metadata_Well"), platemap())


def test_profiles_that_are_not_in_the_platemap_are_refused_and_named():
    lacking = platemap().iloc[2:]
    with pytest.raises(KeyMatchError, match=r"2 of 6 rows are not in the platemap: 'P2 A02', 'P2 B01'\..*how='left'"):
        annotate(profiles(), lacking)
    kept = annotate(profiles(), lacking, how="left")
    assert kept["Metadata_Gene"].isna().tolist() == [False] * 4 + [True] * 2
    assert_frame_equal(kept[list(profiles())], profiles())
    assert ledger(kept).iloc[1:].to_numpy().tolist() == [
        ["annotate", "well", "P2 A02", "not in the platemap", 1],
        ["annotate", "well", "P2 B01", "not in the platemap", 1],
    ]


def test_wells_written_otherwise_are_the_same_wells():
    unpadded = profiles().assign(Metadata_Well=[f"{well[0]}{int(well[1:])} " for well in WELLS * 2])
    annotated = annotate(unpadded, platemap())
    assert_frame_equal(annotated, annotate(profiles(), platemap()), check_dtype=False)
    assert ledger(annotated)[["item", "name", "reason"]].to_numpy().tolist()[-3:] == [
        ["well", f"{well} ({short!r}, {well!r})" if short < well else f"{well} ({well!r}, {short!r})", SPELLED]
        for well, short in zip(WELLS, ("A1 ", "A2 ", "B1 "), strict=True)
    ]
    strange = profiles().assign(Metadata_Well=["x", *WELLS[1:]] * 2)
    with pytest.raises(KeyMatchError, match=r"'P1 x', 'P2 x'\. To keep such rows"):
        annotate(strange, platemap())


@pytest.mark.parametrize("ours", [1001, 1001.0, "1001", "1001 "])
@pytest.mark.parametrize("theirs", [1001, 1001.0, "1001", "1001.0"])
def test_plates_written_otherwise_are_the_same_plates(ours, theirs):
    plain = annotate(profiles(("1001",)), platemap(("1001",)))
    annotated = annotate(
        profiles(("1001",)).assign(Metadata_Plate=ours), platemap(("1001",)).assign(Metadata_Plate=theirs)
    )
    assert annotated["Metadata_Gene"].tolist() == plain["Metadata_Gene"].tolist()
    assert (len(ledger(annotated)) > len(ledger(plain))) == (ours != theirs)


def test_a_well_that_is_twice_in_the_platemap_is_refused_in_whatever_spelling():
    doubled = pd.concat([platemap(), platemap().assign(Metadata_Well=lambda wells: wells["Metadata_Well"] + " ")])
    with pytest.raises(KeyMatchError, match=r"'P1 A01'.* occur more than once"):
        annotate(profiles(), doubled)


def test_plates_written_otherwise_are_recognized_as_the_reason():
    with pytest.raises(KeyMatchError, match="Metadata_Plate: profiles write 'P3', the platemap 'P2'"):
        annotate(profiles(("P1", "P3")), platemap())
    with pytest.raises(KeyMatchError, match="Metadata_Plate is text in the profiles and a number in the platemap"):
        annotate(profiles(), platemap(("P1",)).assign(Metadata_Plate=1))


def test_a_profile_without_a_well_is_in_no_platemap():
    table = profiles()
    table.loc["row1", "Metadata_Well"] = None
    with pytest.raises(KeyMatchError, match="1 of 6 rows are not in the platemap"):
        annotate(table, platemap())


def test_doubled_wells_of_a_platemap_are_refused():
    with pytest.raises(KeyMatchError, match="platemap: 'P1 A01' occur more than once; keep one row for each"):
        annotate(profiles(), pd.concat([platemap(), platemap().tail(1)]))
    with pytest.raises(
        KeyMatchError, match=r"'B01', 'A02', 'A01' occur more .* differ in 'Metadata_Plate', which is no key"
    ):
        annotate(profiles().drop(columns="Metadata_Plate"), platemap())


def test_wells_without_profiles_are_in_the_ledger_for_each_plate():
    annotated = annotate(profiles().iloc[1:5], platemap())
    expected = ["in the platemap, but nothing was measured"] * 2
    assert ledger(annotated)["name"].tolist()[1:] == ["P2 B01", "P1 A01"]
    assert ledger(annotated)["reason"].tolist()[1:] == expected
    everywhere = platemap(("P1",)).drop(columns="Metadata_Plate")
    assert set(ledger(annotate(profiles().iloc[1:5], everywhere))["name"][1:]) == {"P2 B01", "P1 A01"}


def test_a_column_of_both_is_kept_once_if_it_says_the_same():
    both = profiles().assign(Metadata_Gene=[f"G{i}" for i in range(6)], Metadata_Note=np.nan)
    annotated = annotate(both, platemap().assign(Metadata_Note=np.nan))
    assert list(annotated).count("Metadata_Gene") == 1
    with pytest.raises(
        ColumnError, match="columns 'Metadata_Dose', 'Metadata_Gene' differ between profiles and platemap"
    ):
        annotate(profiles().assign(Metadata_Dose=7, Metadata_Gene="G1"), platemap()[::-1][
            ["Metadata_Plate", "Metadata_Well", "Metadata_Dose", "Metadata_Gene"]
        ])  # fmt: skip


def test_no_well_is_lost_by_infinite_or_text_features():
    table = profiles().assign(Cells_Area=np.inf, label="x")
    assert_frame_equal(annotate(table, platemap())[["Cells_Area", "label"]], table[["Cells_Area", "label"]])


def test_arguments_of_the_wrong_kind():
    with pytest.raises(InputError, match="how='inner': choose one of 'strict', 'left'"):
        annotate(profiles(), platemap(), how="inner")
    with pytest.raises(InputError, match=r"platemap='map.csv': not a pandas.DataFrame"):
        annotate(profiles(), "map.csv")
    with pytest.raises(ColumnError, match="platemap: columns 'gene' do not begin with 'Metadata_'"):
        annotate(profiles(), platemap().rename(columns={"Metadata_Gene": "gene"}))
