"""Tables come in as they were written, and what is missing has a reason."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.quality.screen_quality import check_quality
from cellprofiling.report.record.sources import gather


def wells():
    return pd.DataFrame({"Metadata_Plate": ["P1", "P1"], "Metadata_Well": ["A01", "A02"], "Cells_Area": [1.0, 2.0]})


def hits():
    return pd.DataFrame(
        {"Metadata_Gene": ["NA", "00123"], "map": [0.9, 0.1], "p_value": [0.01, 0.5], "hit": [True, False]}
    )


def write(folder: Path) -> Path:
    wells().to_parquet(folder / "wells.parquet")
    hits().assign(reason=["strong", ""]).to_csv(folder / "hits.csv", index=False)
    return folder


def test_names_in_a_hit_list_stay_as_they_are_written(tmp_path):
    sources = gather(write(tmp_path))
    assert sources.hits["Metadata_Gene"].tolist() == ["NA", "00123"]
    assert sources.hits["hit"].tolist() == [True, False]
    assert sources.hits["reason"].isna().tolist() == [False, True]
    assert sources.names == ("Metadata_Gene",)


def test_what_is_not_in_the_folder_has_a_reason(tmp_path):
    sources = gather(write(tmp_path))
    assert sources.absent["quality"] == "quality.json is not in the folder"
    assert sources.absent["embedding"] == "embedding.parquet is not in the folder"
    assert sources.quality is None
    in_memory = gather({"wells": wells(), "hits": hits()})
    assert in_memory.absent["ledger"] == "no 'ledger' was given"


def test_the_recipe_names_columns_controls_and_screen(tmp_path):
    write(tmp_path)
    wells().rename(columns={"Metadata_Plate": "Metadata_Barcode"}).to_parquet(tmp_path / "wells.parquet")
    recipe = {"name": "pilot", "plate": "Metadata_Barcode", "reference": "Metadata_Well == 'A01'"}
    (tmp_path / "provenance.json").write_text(json.dumps({"parameters": recipe}), encoding="utf-8")
    parameters = {"by": ["Metadata_Gene"], "fdr": 0.1}
    (tmp_path / "hits.json").write_text(json.dumps({"audit": [{"n": 0}], "parameters": parameters}), encoding="utf-8")
    sources = gather(tmp_path)
    assert sources.title == "pilot"
    assert sources.wells["Metadata_Plate"].tolist() == ["P1", "P1"]
    assert sources.reference == "Metadata_Well == 'A01'"
    assert sources.parameters["fdr"] == 0.1
    assert sources.audit == ({"n": 0},)


def test_a_quality_and_its_record_are_the_same_source():
    quality = check_quality(wells())
    given = {"wells": wells(), "hits": hits()}
    assert (
        gather(given | {"quality": quality}).quality
        == gather(given | {"quality": json.loads(quality.to_json())}).quality
    )


def test_given_tables_are_not_changed():
    tables = {"wells": wells(), "hits": hits(), "quality": check_quality(wells())}
    gather(tables)
    assert not isinstance(tables["quality"], dict)
    pd.testing.assert_frame_equal(tables["wells"], wells())


def test_mistakes_are_said(tmp_path):
    with pytest.raises(FileFormatError, match="no such folder"):
        gather(tmp_path / "nowhere")
    with pytest.raises(FileFormatError, match=r"wells\.parquet is not in the folder"):
        gather(tmp_path)
    with pytest.raises(InputError, match="'wells' and 'hits'; 'hits' is not there"):
        gather({"wells": wells()})
    with pytest.raises(InputError, match=r"'hit': choose one of .* Did you mean 'hits'"):
        gather({"wells": wells(), "hit": hits()})
