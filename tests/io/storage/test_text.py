"""The same table is read from any usual encoding, delimiter and line end."""

import gzip

import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.io.storage.text import header, read_head, read_text, spelled, take_apart, utf8

TABLE = "Plate,Area [µm²],\r\nP1,1.5,\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_encoding_delimiter_and_line_end_do_not_matter(tmp_path, encoding, delimiter, line_end):
    path = tmp_path / "table.txt"
    path.write_bytes(TABLE.replace(",", delimiter).replace("\r\n", line_end).encode(encoding))
    text = read_text(path)
    assert text.names == ("Plate", "Area [µm²]", "")
    assert text.first() == {"Plate": "P1", "Area [µm²]": "1.5", "": ""}


def test_gzip_is_unpacked_and_a_truncated_one_is_refused(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(TABLE.encode()))
    assert read_text(path).names[0] == "Plate"
    assert header(path)[0] == "Plate"
    path.write_bytes(gzip.compress(TABLE.encode())[:-12])
    with pytest.raises(FileFormatError, match="not a whole gzip file"):
        read_text(path)
    assert header(path) == ()


@pytest.mark.parametrize("name", ["Area [Âµm²]", "Area [¬µm¬≤]", "Area [μm²]", "Area [ÂµmÂ²]", "Area [Î¼m²]"])
def test_signs_of_units_are_spelled_one_way(name):
    assert spelled(name) == "Area [µm²]"


def test_a_delimiter_in_a_name_is_no_delimiter(tmp_path):
    text = take_apart(b"Metadata_Well\tIntensity, mean, A, B\nA01\t1\n", tmp_path / "a.txt")
    assert text.names == ("Metadata_Well", "Intensity, mean, A, B")
    assert take_apart(b"a;b;c,d\n1,2\n", tmp_path / "a.csv").names == ("a;b;c", "d")


def test_lines_that_end_in_a_delimiter_are_tolerated(tmp_path):
    assert take_apart(b"a\tb\n1\t2\t\n", tmp_path / "a.txt").names == ("a", "b", "")


def test_a_table_without_delimiter_has_one_column(tmp_path):
    text = take_apart(b"Metadata_Well\nA01\n", tmp_path / "a.csv")
    assert text.names == ("Metadata_Well",)
    assert not text.empty
    assert take_apart(b"Metadata_Well\n\r\n", tmp_path / "a.csv").empty


def test_empty_and_doubled(tmp_path):
    with pytest.raises(FileFormatError, match=r"is empty \(1 bytes\); export it again"):
        take_apart(b"\n", tmp_path / "a.csv")
    with pytest.raises(FileFormatError, match="columns 'a' occur more than once"):
        take_apart(b"a,b,a\n1,2,3\n", tmp_path / "a.csv")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="is not a text file"):
        take_apart(b"\x89PNG\n\x00\x00", tmp_path / "a.csv")


def test_the_header_of_something_else_is_empty(tmp_path):
    path = tmp_path / "a.csv"
    for data in (b"", b"a,a\n1,2\n", b"\x00" * 9):
        path.write_bytes(data)
        assert header(path) == ()
    path.write_text("x" * 200_000)
    assert header(path) == ("x" * 200_000,)


def test_the_head_of_a_long_file_ends_with_a_whole_line(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("name\n" + "µ" * 999 + "\n" + ("µ" * 997 + "\n") * 2000)
    head = read_head(path)
    assert len(head) < path.stat().st_size
    assert set(head.decode().splitlines()[2:]) == {"µ" * 997}


def test_bytes_that_are_not_utf8_are_latin_1():
    assert utf8("µ".encode("latin-1")).decode() == "µ"
