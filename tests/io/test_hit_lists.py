"""Hit lists in files: every format the same list, beside it what it was made from."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import FileFormatError, InputError


@pytest.fixture
def hits() -> pd.DataFrame:
    """Return a small hit list; one name looks like a formula."""
    table = pd.DataFrame(
        {
            "rank": [1, 2, 3],
            "Metadata_Compound": ["=1+1", "00123", "NA"],
            "same_position": [True, False, False],
            "map": [0.9, 1 / 3, np.nan],
            "reason": ["q = 0.01", "near miss; p", "not\x01 tested"],
        }
    )
    table.attrs = {
        "sentences": ["3 of 100 control pseudo-compounds"],
        "audit": [{"layout": "same position", "rate": np.nan, "n": np.int64(3)}],
        "parameters": {"by": ["Metadata_Compound"], "seed": 0, "fdr": 0.05},
        "provenance": {"cellprofiling": "1", "input_sha256": "ab"},
    }
    return table


@pytest.mark.parametrize("name", ["hits.csv", "hits.tsv.gz", "hits.parquet", "hits.XLSX"])
def test_list_and_record(hits: pd.DataFrame, tmp_path: callable, name: str) -> None:
    """Each format holds the same values, and the JSON beside it all records; the same list gives the same bytes."""
    path = cpf.write_hits(hits, tmp_path / name)
    readers = {"csv": pd.read_csv, "gz": lambda p, **o: pd.read_csv(p, sep="\t", **o), "XLSX": pd.read_excel}
    options = {"keep_default_na": False, "na_values": [""], "dtype": {"Metadata_Compound": str}}
    end = name.rsplit(".", 1)[1]
    found = pd.read_parquet(path) if end == "parquet" else readers[end](path, **options)
    expected = hits.assign(reason=hits["reason"].str.replace("\x01", "")) if end == "XLSX" else hits
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    record = json.loads((tmp_path / "hits.json").read_text())
    assert record["audit"] == [{"layout": "same position", "rate": None, "n": 3}]
    assert record["parameters"]["seed"] == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, "hits.json"])
    first = path.read_bytes()
    assert cpf.write_hits(hits, path).read_bytes() == first


def test_workbook_says_what_the_audits_say(hits: pd.DataFrame, tmp_path: callable) -> None:
    """The second sheet holds the sentences, the parameters and the provenance; no text becomes a formula."""
    path = cpf.write_hits(hits, tmp_path / "hits.xlsx")
    sheet = pd.read_excel(path, sheet_name="audits")
    assert sheet["what"].tolist() == ["audit", "by", "seed", "fdr", "cellprofiling", "input_sha256"]
    import openpyxl

    assert openpyxl.load_workbook(path)["hits"]["B2"].data_type == "s"


def test_bad_input_is_named(hits: pd.DataFrame, tmp_path: callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mistake has its sentence, and leaves no file."""
    with pytest.raises(FileFormatError, match=r"'hits.docx' has no known ending: use '.csv'"):
        cpf.write_hits(hits, tmp_path / "hits.docx")
    with pytest.raises(InputError, match=r"hits: does not carry 'audit', 'parameters', 'provenance' in attrs"):
        cpf.write_hits(pd.DataFrame({"rank": [1]}), tmp_path / "hits.csv")
    monkeypatch.setattr("cellprofiling.io.storage.sheets.MOST_ROWS", 3)
    with pytest.raises(FileFormatError, match=r"3 rows; a sheet holds 2: write .parquet"):
        cpf.write_hits(hits, tmp_path / "hits.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(FileFormatError, match=r"workbooks need the package 'openpyxl'.*cellprofiling\[xlsx\]"):
        cpf.write_hits(hits, tmp_path / "hits.xlsx")
    assert not list(tmp_path.iterdir())
