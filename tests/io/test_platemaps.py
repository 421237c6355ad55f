"""A platemap says the same whether it is a long table or a grid; text stays text, and no well is guessed."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from cellprofiling.core.errors import ColumnError, FileFormatError, KeyMatchError, PlateLayoutError
from cellprofiling.core.plates import FORMATS, well_name, well_names
from cellprofiling.io.platemaps import read_platemap


def write(folder, text: str, name: str = "map.csv"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "column",
    ["well", "Well", "well_position", "Metadata_Well", "WellName", "Well Name", "Destination Well", "dest_well"],
)
def test_the_well_column_is_recognized(tmp_path, column):
    platemap = read_platemap(write(tmp_path, f"gene,{column}\nTP53,A01\n"))
    assert platemap.to_dict("list") == {"Metadata_Well": ["A01"], "Metadata_gene": ["TP53"]}


@pytest.mark.parametrize("column", ["plate", "Plate", "Assay_Plate_Barcode", "barcode", "Metadata_Plate", "PlateName"])
def test_the_plate_column_is_recognized_and_stays_text(tmp_path, column):
    platemap = read_platemap(write(tmp_path, f"well,{column}\nA01,00123\nA01,124\n"))
    assert platemap.to_dict("list") == {"Metadata_Plate": ["00123", "124"], "Metadata_Well": ["A01", "A01"]}


@pytest.mark.parametrize(("row", "column"), [("Row", "Column"), ("well_row", "well_col"), ("row", "col")])
@pytest.mark.parametrize("letters", [False, True])
def test_rows_and_columns_make_a_well(tmp_path, row, column, letters):
    rows = ("a", "AF") if letters else (1, 32)
    platemap = read_platemap(write(tmp_path, f"{row},{column},gene\n{rows[0]},2,x\n{rows[1]},48,y\n"))
    assert platemap["Metadata_Well"].tolist() == ["A02", "AF48"]
    assert set(platemap) == {"Metadata_Well", f"Metadata_{row}", f"Metadata_{column}", "Metadata_gene"}


@pytest.mark.parametrize(("row", "column"), [("0", "1"), ("33", "1"), ("1", "0"), ("1", "49"), ("x", "y"), ("", "1")])
def test_rows_and_columns_that_no_plate_has_are_refused(tmp_path, row, column):
    with pytest.raises(PlateLayoutError, match="not a well name"):
        read_platemap(write(tmp_path, f"row,col,gene\n1,1,x\n{row},{column},y\n"))


def test_text_stays_what_it_is(tmp_path):
    text = "well\tgene\tid\tdose\tMetadata_Role\nA01\tNA\t00123\t0.10\tnegcon\nA02\tNone\t7\t1e-05\t\n"
    platemap = read_platemap(write(tmp_path, text, "map.txt"))
    assert platemap["Metadata_gene"].tolist() == ["NA", "None"]
    assert platemap["Metadata_id"].tolist() == ["00123", "7"]
    assert platemap["Metadata_dose"].tolist() == [0.1, 1e-5]
    assert platemap["Metadata_Role"].isna().tolist() == [False, True]


@given(st.sampled_from(sorted(FORMATS)), st.sampled_from(["", "Gene", "Row"]), st.data())
@settings(max_examples=12, deadline=None)
def test_a_grid_and_the_long_table_it_stands_for_are_one(tmp_path_factory, n_wells, corner, data):
    folder = tmp_path_factory.mktemp("maps")
    n_rows, n_columns = FORMATS[n_wells]
    values = data.draw(st.lists(st.sampled_from(["x", "NA", "07", ""]), min_size=n_wells, max_size=n_wells))
    header = [corner, *map(str, range(1, n_columns + 1))]
    rows = [[well_name(r, 0)[:-2], *values[r * n_columns : (r + 1) * n_columns]] for r in range(n_rows)]
    grid = read_platemap(write(folder, "\n".join(",".join(row) for row in [header, *rows]), "Gene.csv"))
    long = ["Well,Gene", *(f"{well},{value}" for well, value in zip(well_names(n_wells), values, strict=True))]
    assert_frame_equal(grid, read_platemap(write(folder, "\n".join(long), "long.csv")))


def test_part_of_a_grid_and_rows_that_are_none(tmp_path):
    platemap = read_platemap(write(tmp_path, "dose,03,04\nB,1,2\nc,3,4\n"))
    assert platemap.to_dict("list") == {"Metadata_Well": ["B03", "B04", "C03", "C04"], "Metadata_dose": [1, 2, 3, 4]}
    with pytest.raises(PlateLayoutError, match="rows of a grid are A to AF, not 'TOTAL'"):
        read_platemap(write(tmp_path, "dose,03,04\nB,1,2\ntotal,3,4\n"))


def test_unpadded_wells_are_refused_unless_asked_for(tmp_path):
    path = write(tmp_path, "well,gene\nA1,x\nb-2,y\nC03,z\n")
    with pytest.raises(
        PlateLayoutError, match=r"wells 'A1', 'b-2' are .* pad_wells=True; in screen.yaml .*pad_wells: true"
    ):
        read_platemap(path)
    assert read_platemap(path, pad_wells=True)["Metadata_Well"].tolist() == ["A01", "B02", "C03"]


@pytest.mark.parametrize("well", ["A49", "AG01", "1A", "well 1", "A00"])
def test_wells_that_no_plate_has_are_refused(tmp_path, well):
    with pytest.raises(PlateLayoutError, match=f"map.csv: well='{well}': not a well name"):
        read_platemap(write(tmp_path, f"well,gene\nA01,x\n{well},y\n"), pad_wells=True)


def test_doubled_wells_are_refused_and_named(tmp_path):
    with pytest.raises(KeyMatchError, match="wells 'P1 A02', 'P1 A03' occur more than once"):
        read_platemap(write(tmp_path, "plate,well\nP1,A02\nP1,A02\nP1,A03\nP1,A03\nP2,A02\n"))
    with pytest.raises(KeyMatchError, match="wells 'A01' occur more than once"):
        read_platemap(write(tmp_path, "well\nA1\nA01\n"), pad_wells=True)


def test_missing_wells_and_plates_are_refused_and_empty_rows_left_out(tmp_path):
    platemap = read_platemap(write(tmp_path, "well,gene\nA01,x\n,\n , \n"))
    assert len(platemap) == 1
    assert [(line["item"], line["n"]) for line in platemap.attrs["ledger"]] == [("row", 2)]
    with pytest.raises(PlateLayoutError, match="1 of 2 rows have no Metadata_Well"):
        read_platemap(write(tmp_path, "well,gene\nA01,x\n,y\n"))
    with pytest.raises(PlateLayoutError, match="1 of 2 rows have no Metadata_Plate"):
        read_platemap(write(tmp_path, "plate,well\nP1,A01\n,A02\n"))
    with pytest.raises(FileFormatError, match="has 2 columns and no rows"):
        read_platemap(write(tmp_path, "well,gene\n,\n"))


def test_columns_can_be_named_and_must_be_where_several_would_do(tmp_path):
    path = write(tmp_path, "well,dest_well,plate,barcode\nB01,A01,2,P1\n")
    with pytest.raises(ColumnError, match="columns 'well', 'dest_well' may each be the well: choose one, well='well'"):
        read_platemap(path)
    platemap = read_platemap(path, well="dest_well", plate="barcode")
    assert platemap.to_dict("list") == {
        "Metadata_Plate": ["P1"],
        "Metadata_Well": ["A01"],
        "Metadata_well": ["B01"],
        "Metadata_plate": [2],
    }
    with pytest.raises(ColumnError, match=r"well='dest': no such column in 'map.csv'"):
        read_platemap(path, well="dest")
    exact = write(tmp_path, "Metadata_Well,well\nA01,B01\n", "exact.csv")
    assert read_platemap(exact)["Metadata_Well"].tolist() == ["A01"]


def test_columns_that_would_be_called_alike_are_refused(tmp_path):
    with pytest.raises(ColumnError, match="columns 'gene', 'Metadata_gene' would be called alike, 'Metadata_gene'"):
        read_platemap(write(tmp_path, "well,gene,Metadata_gene\nA01,x,y\n"))


def test_no_well_column(tmp_path):
    with pytest.raises(ColumnError, match="none of the columns 'gene', 'dose' says the well"):
        read_platemap(write(tmp_path, "gene,dose\nx,1\n"))


def test_files_that_are_no_platemap(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder; name the one file"):
        read_platemap(tmp_path)
    with pytest.raises(FileFormatError, match=r"name one file ending in '.csv'"):
        read_platemap(write(tmp_path, "x", "map.xlsx"))
    with pytest.raises(FileFormatError, match="no such file"):
        read_platemap(tmp_path / "no.csv")
    with pytest.raises(FileFormatError, match="is empty"):
        read_platemap(write(tmp_path, "", "empty.csv"))


def test_parquet_keeps_types_and_plates_become_text(tmp_path):
    table = pd.DataFrame({"Plate": [7, 7], "Well": ["A01", "A02"], "gene": ["NA", None], "dose": [1, 2]})
    table.to_parquet(tmp_path / "map.parquet")
    platemap = read_platemap(tmp_path / "map.parquet")
    assert platemap["Metadata_Plate"].tolist() == ["7", "7"]
    assert platemap["Metadata_gene"].isna().tolist() == [False, True]
    assert platemap["Metadata_dose"].tolist() == [1, 2]


@pytest.mark.real
@pytest.mark.parametrize("ending", ["csv", "txt"])
def test_a_platemap_of_jump(real_data, ending):
    name = f"cdot_dyes_jumpmoa/metadata/platemaps/2023_05_15_Batch1/platemap/S-C-7314-04-CMP-001.{ending}"
    platemap = read_platemap(real_data(name))
    assert sorted(platemap["Metadata_Well"]) == well_names(384)
    assert (platemap["Metadata_control_type"] == "negcon").sum() == 24
    assert platemap["Metadata_Common Name"].nunique() == 90
    assert pd.api.types.is_float_dtype(platemap["Metadata_mmoles_per_liter"])


@pytest.mark.real
def test_a_worklist_of_a_robot(real_data):
    path = real_data("nucleus_columbus_screen/published_secondary/Cherry_Pick_Worklist.csv")
    with pytest.raises(PlateLayoutError, match="are not written like 'A01'"):
        read_platemap(path, well="dest_well")
    platemap = read_platemap(path, well="dest_well", pad_wells=True)
    assert platemap["Metadata_Well"].nunique() == len(platemap) == 340
    assert platemap.set_index("Metadata_Well").loc["D06", "Metadata_gene_symbol"] == "ACAA1"
