"""What is written is read again, to the last bit where the format allows; what cannot be read is said plainly."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pyarrow import parquet

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FileFormatError
from cellprofiling.io.tables import TABLE_FORMATS, read_profiles, write_profiles

TEXT = [name for name in TABLE_FORMATS if name not in (".parquet", ".h5ad")]


def wells(dtype: type = np.float64, n: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(1e6, 1e-3, (n, 4)).astype(dtype)
    x[0, 0] = np.nan
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": ["00123"] * n,
            "Metadata_Well": [f"A{i + 1:02d}" for i in range(n)],
            "Metadata_Gene": ["NA", "None", "nan", "TP53", "a,b", 'say "so"'],
            "Metadata_Dose": [0.1, 1e-5, 10.0, np.nan, 0.0, 2.5],
            "Metadata_Batch": range(n),
            "Metadata_QC_Keep": [True, False] * (n // 2),
        }
    )
    return pd.concat([metadata, pd.DataFrame(x, columns=[f"Cells_AreaShape_F{i}" for i in range(4)])], axis=1)


@pytest.mark.parametrize("ending", TABLE_FORMATS)
def test_a_table_comes_back_as_it_was(tmp_path, ending):
    path = write_profiles(wells(), tmp_path / f"wells{ending}")
    assert_frame_equal(read_profiles(path), wells())
    assert [file.name for file in tmp_path.iterdir()] == [f"wells{ending}"]


@given(
    st.lists(st.floats(width=64, allow_infinity=False) | st.just(float("nan")), min_size=1, max_size=5),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1), min_size=5, max_size=5),
)
@settings(max_examples=30, deadline=None)
def test_any_number_and_any_label_comes_back(tmp_path_factory, numbers, texts):
    table = pd.DataFrame({"Metadata_Label": ["x" + text for text in texts[: len(numbers)]], "Cells_A": numbers})
    path = tmp_path_factory.mktemp("table") / "a.csv"
    assert_frame_equal(read_profiles(write_profiles(table, path)), table)


def test_float32_stays_float32_in_parquet_and_is_exact_in_text(tmp_path):
    table = wells(np.float32)
    assert_frame_equal(read_profiles(write_profiles(table, tmp_path / "a.parquet")), table)
    text = read_profiles(write_profiles(table, tmp_path / "a.csv"))
    features = [name for name in table if name.startswith("Cells")]
    assert_frame_equal(text[features].astype(np.float32), table[features])


def test_one_feature_in_float64_makes_the_block_float64(tmp_path):
    table = wells(np.float32).astype({"Cells_AreaShape_F1": np.float64})
    read = read_profiles(write_profiles(table, tmp_path / "a.parquet"))
    assert set(read.filter(like="Cells").dtypes) == {np.dtype(np.float64)}
    assert_frame_equal(read, table, check_dtype=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_features_are_one_block(tmp_path, dtype):
    read = read_profiles(write_profiles(wells(dtype), tmp_path / "a.parquet"))
    features = read.filter(like="Cells").to_numpy(copy=False)
    assert features.base is not None
    assert features.T.flags.c_contiguous


def test_integer_decimal_and_empty_features_are_floats(tmp_path):
    table = pa.table(
        {
            "Cells_Area": pa.array([1, None], pa.int64()),
            "Cells_Price": pa.array([1, None], pa.decimal128(5, 2)),
            "Cells_None": pa.array([None, None], pa.null()),
            "Location_Center_X": pa.array([1, 2], pa.int32()),
            "Metadata_Well": ["A01", "A02"],
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    read = read_profiles(tmp_path / "a.parquet")
    assert list(read) == ["Location_Center_X", "Metadata_Well", "Cells_Area", "Cells_Price", "Cells_None"]
    assert read.isna().sum().tolist() == [0, 0, 1, 1, 2]
    assert read["Location_Center_X"].dtype == np.int32


@pytest.mark.parametrize("plate", [[1001, 1001], [1001.0, 1001.0], pd.Categorical(["1001", "1001"])])
def test_plates_are_text_in_any_case(tmp_path, plate):
    table = pd.DataFrame(
        {"Metadata_Plate": plate, "Metadata_Well": pd.Categorical(["A01", "A02"]), "Cells_A": [1.0, 2]}
    )
    table.to_parquet(tmp_path / "a.parquet")
    read = read_profiles(tmp_path / "a.parquet")
    assert read["Metadata_Plate"].tolist() == ["1001", "1001"]
    assert read["Metadata_Well"].tolist() == ["A01", "A02"]


def test_the_index_of_pandas_is_neither_written_nor_read(tmp_path):
    table = wells().set_index(np.arange(6) * 7)
    assert_frame_equal(read_profiles(write_profiles(table, tmp_path / "a.parquet")), wells())
    table.to_parquet(tmp_path / "b.parquet")
    assert_frame_equal(read_profiles(tmp_path / "b.parquet"), wells())
    wells().to_csv(tmp_path / "c.csv")
    assert_frame_equal(read_profiles(tmp_path / "c.csv"), wells())


@pytest.mark.parametrize("ending", TABLE_FORMATS)
def test_attrs_do_not_matter_and_are_kept_on_the_table_given(tmp_path, ending):
    table = wells()
    table.attrs["anything"] = object()
    write_profiles(table, tmp_path / f"a{ending}")
    assert "anything" in table.attrs
    assert_frame_equal(table, wells())


@pytest.mark.parametrize("ending", TABLE_FORMATS)
def test_the_same_table_gives_the_same_bytes_tomorrow(tmp_path, ending, monkeypatch):
    first = write_profiles(wells(), tmp_path / f"a{ending}").read_bytes()
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert write_profiles(wells(), tmp_path / f"a{ending}").read_bytes() == first


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_a_folder_and_a_pattern_are_the_parts_of_one_table(tmp_path, ending):
    write_profiles(wells().iloc[:2], tmp_path / f"part1{ending}")
    write_profiles(wells().iloc[2:][wells().columns[::-1]], tmp_path / f"part2{ending}")
    assert_frame_equal(read_profiles(tmp_path), wells(), check_like=True)
    assert_frame_equal(read_profiles(tmp_path / f"part*{ending}"), wells(), check_like=True)


def test_parts_with_numbers_of_different_width_are_joined(tmp_path):
    write_profiles(wells(np.float32).astype({"Metadata_Batch": float}), tmp_path / "1.parquet")
    write_profiles(wells(np.float64), tmp_path / "2.parquet")
    assert len(read_profiles(tmp_path)) == 12


def test_parts_with_other_columns_or_types_are_refused_and_the_columns_named(tmp_path):
    write_profiles(wells(), tmp_path / "1.parquet")
    write_profiles(wells().rename(columns={"Cells_AreaShape_F1": "Cells_B"}), tmp_path / "2.parquet")
    with pytest.raises(FileFormatError, match=r"'2.parquet' lacks 'Cells_AreaShape_F1' and has 'Cells_B' more"):
        read_profiles(tmp_path)
    write_profiles(wells().assign(Metadata_Batch="first"), tmp_path / "2.parquet")
    with pytest.raises(FileFormatError, match="columns 'Metadata_Batch' are not of one type"):
        read_profiles(tmp_path)


def test_a_folder_of_two_kinds_is_refused(tmp_path):
    write_profiles(wells(), tmp_path / "1.parquet")
    write_profiles(wells(), tmp_path / "2.csv")
    with pytest.raises(FileFormatError, match=r"holds '.csv', '.parquet' files; name one kind"):
        read_profiles(tmp_path)


@pytest.mark.parametrize("ending", [".xlsx", ".txt", ""])
def test_unknown_endings_are_refused_with_the_list_of_known_ones(tmp_path, ending):
    with pytest.raises(FileFormatError, match=r"no known ending: use '.parquet', '.csv'"):
        write_profiles(wells(), tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / f"a{ending}").write_text("x")
    with pytest.raises(FileFormatError, match=r"no known ending: use '.parquet', '.csv'"):
        read_profiles(tmp_path / f"a{ending}")


def test_empty_truncated_and_missing_files(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(FileFormatError, match=r"empty.csv': is empty \(0 bytes\)"):
        read_profiles(tmp_path / "empty.csv")
    (tmp_path / "header.csv").write_text("Metadata_Well,Cells_A\n")
    with pytest.raises(FileFormatError, match=r"header.csv': has 2 columns and no rows"):
        read_profiles(tmp_path / "header.csv")
    (tmp_path / "empty.parquet").write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"empty.parquet': is empty \(0 bytes\); write it again"):
        read_profiles(tmp_path / "empty.parquet")
    whole = write_profiles(wells(), tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(FileFormatError, match=r"not a whole parquet file .* copy it again"):
        read_profiles(tmp_path / "cut.parquet")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n")[:-9])
    with pytest.raises(FileFormatError, match="not a whole gzip file"):
        read_profiles(tmp_path / "cut.csv.gz")
    with pytest.raises(FileFormatError, match=r"no such file or folder. Did you mean 'whole.parquet'"):
        read_profiles(tmp_path / "whole.parq")


def test_damage_inside_a_parquet_file(tmp_path):
    path = write_profiles(wells(), tmp_path / "a.parquet")
    data = bytearray(path.read_bytes())
    data[4:60] = b"\xff" * 56
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="not a whole parquet file"):
        read_profiles(path)


def test_doubled_columns_are_refused_in_both_directions(tmp_path):
    doubled = pa.table([pa.array([1.0]), pa.array([2.0])], names=["Cells_A", "Cells_A"])
    parquet.write_table(doubled, tmp_path / "a.parquet")
    with pytest.raises(FileFormatError, match="columns 'Cells_A' occur more than once"):
        read_profiles(tmp_path / "a.parquet")
    with pytest.raises(ColumnError, match="'Cells_A' occur more than once"):
        write_profiles(pd.DataFrame([[1, 2]], columns=["Cells_A", "Cells_A"]), tmp_path / "b.csv")


def test_values_that_parquet_cannot_hold_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(FileFormatError, match=r"a column cannot be written: .*Metadata_X"):
        write_profiles(pd.DataFrame({"Metadata_X": [1, "a"]}), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_real_profiles_keep_their_rows_and_columns(real_data):
    path = real_data("cdot_dyes_jumpmoa/profiles_batch_level/2023_05_15_Batch1_normalized_feature_select_batch.csv.gz")
    read, plain = read_profiles(path), pd.read_csv(path)
    assert set(read) == set(plain)
    features = [name for name in plain if not name.startswith("Metadata_")]
    assert_frame_equal(read[features], plain[features].astype(float), rtol=1e-15)
    assert read["Metadata_Well"].tolist() == plain["Metadata_Well"].tolist()


def test_a_plate_or_well_written_in_several_ways_is_one_with_a_ledger_line(tmp_path):
    file = tmp_path / "wells.csv"
    file.write_text("Metadata_Plate,Metadata_Well,Cells_AreaShape_Area\n1001,A1,1\n1001.0,A02,2\n1001,A01,3\n")
    profiles = cpf.read_profiles(file)
    assert profiles["Metadata_Plate"].tolist() == ["1001"] * 3
    assert profiles["Metadata_Well"].tolist() == ["A01", "A02", "A01"]
    assert cpf.ledger(profiles)["name"].tolist() == ["1001 ('1001', '1001.0')", "A01 ('A01', 'A1')"]
    file.write_text("Metadata_Plate,Metadata_Well,Cells_AreaShape_Area\n1001,A1,1\n1001,A2,2\n")
    assert cpf.read_profiles(file)["Metadata_Well"].tolist() == ["A1", "A2"]
