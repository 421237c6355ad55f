"""Plate by plate is the same as all at once, wherever it is done, and again where it stopped."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import cellprofiling as cpf
from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.jobs import record


def test_plate_by_plate_is_the_same_as_all_at_once(screen, tmp_path):
    folder = screen(3)
    plates = cpf.aggregate_plates(folder, tmp_path / "out", statistics=["median", "mad"], min_cells=5)
    expected = cpf.aggregate(folder, statistics=["median", "mad"], min_cells=5)
    assert_frame_equal(cpf.read_profiles(tmp_path / "out"), expected)
    assert_frame_equal(cpf.gather_plates(tmp_path / "out", folder), expected)
    assert list(plates["plate"]) == ["P00", "P01", "P02"]
    assert set(plates["status"]) == {"done"}
    assert [plates["n_wells"].sum(), plates["n_cells"].sum()] == [9, 180]
    assert list(plates["size"]) == [path.stat().st_size for path in sorted(folder.iterdir())]
    assert all(Path(path).is_file() for path in plates["path"])
    assert plates["reason"].isna().all()


@pytest.mark.parametrize("where", [{"workers": 1}, {"workers": 2}, {"executor": "dask", "workers": 2}, "threads"])
def test_same_bytes_wherever_it_is_done(screen, tmp_path, where, contents):
    folder = screen(4)
    cpf.aggregate_plates(folder, tmp_path / "one by one", executor=OneByOne())
    cells = cpf.open_cells(folder)
    backwards = replace(cells, partitions=cells.partitions[::-1])
    if where == "threads":
        with ThreadPoolExecutor(3) as pool:
            plates = cpf.aggregate_plates(backwards, tmp_path / "out", executor=pool)
    else:
        plates = cpf.aggregate_plates(backwards, tmp_path / "out", **where)
    assert set(plates["status"]) == {"done"}
    assert contents(tmp_path / "out") == contents(tmp_path / "one by one")


class OneByOne:
    """An executor that somebody might have."""

    def submit(self, function, *arguments):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function, *arguments)


def test_several_paths(screen, tmp_path, contents, here):
    folder = screen(3)
    cpf.aggregate_plates(sorted(folder.iterdir()), tmp_path / "one by one")
    cpf.aggregate_plates(folder, tmp_path / "together", executor=here)
    assert contents(tmp_path / "one by one") == contents(tmp_path / "together")


def test_one_plate_is_done_in_this_process(screen, tmp_path, monkeypatch):
    def no_process(*_):
        raise AssertionError("a process for a single plate")

    monkeypatch.setattr("cellprofiling.jobs.executors.Workers", no_process)
    assert cpf.aggregate_plates(screen(1), tmp_path / "out")["status"].item() == "done"


def test_resume_keeps_what_would_come_out_the_same(screen, tmp_path, contents, here):
    folder, out = screen(4), tmp_path / "out"
    cpf.aggregate_plates(folder, out, executor=here)
    before = contents(out)
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    (out / "P00.parquet").unlink()
    (out / "P01.parquet").write_bytes((out / "P01.parquet").read_bytes()[:-100])
    damaged = bytearray(before["P02.parquet"])
    damaged[40] ^= 1  # one bit, in the values
    (out / "P02.parquet").write_bytes(damaged)
    (out / ".0a1b2c3d.P03.parquet").write_bytes(b"half")
    plates = cpf.aggregate_plates(folder, out, resume=True, executor=here)
    assert list(plates["status"]) == ["done", "done", "done", "kept"]
    assert list(plates["n_cells"]) == [60] * 4
    assert contents(out) == before
    assert (out / "P03.parquet").stat().st_mtime_ns == times[out / "P03.parquet"]


def test_resume_makes_again_what_has_other_inputs(screen, tmp_path, plate_of_cells, here):
    folder, out = screen(2), tmp_path / "out"
    cpf.aggregate_plates(folder, out, executor=here)
    cpf.write_profiles(plate_of_cells("P00", seed=7), folder / "P00.parquet")
    plates = cpf.aggregate_plates(folder, out, resume=True, executor=here)
    assert list(plates["status"]) == ["done", "kept"]
    assert_frame_equal(cpf.read_profiles(out), cpf.aggregate(folder))


def test_resume_takes_plates_that_came_later(screen, tmp_path, here):
    cpf.aggregate_plates(screen(2), tmp_path / "out", executor=here)
    plates = cpf.aggregate_plates(screen(3), tmp_path / "out", resume=True, executor=here)
    assert list(plates["status"])[-1] == "done"
    assert len(cpf.gather_plates(tmp_path / "out", ["P00", "P01", "P02"])) == 9


def test_resume_refuses_other_settings(screen, tmp_path, monkeypatch, contents, here):
    folder, out = screen(2), tmp_path / "out"
    cpf.aggregate_plates(folder, out, executor=here)
    before = contents(out)
    with pytest.raises(InputError, match=r"made with other settings \(statistics='median', now 'mean'\)"):
        cpf.aggregate_plates(folder, out, statistics="mean", resume=True, executor=here)
    monkeypatch.setattr(record, "__version__", "9.9")
    with pytest.raises(InputError, match=r"made with other settings \(cellprofiling 0"):
        cpf.aggregate_plates(folder, out, resume=True, executor=here)
    assert contents(out) == before


def test_without_resume_all_is_made_again(screen, tmp_path, here):
    folder, out = screen(2), tmp_path / "out"
    cpf.aggregate_plates(folder, out, executor=here)
    plates = cpf.aggregate_plates(folder, out, statistics="mean", executor=here)
    assert list(plates["status"]) == ["done", "done"]
    assert list(cpf.ledger(plates)["name"]) == ["P00.parquet", "P01.parquet"]
    assert cpf.ledger(plates)["reason"].str.startswith("result of an earlier run").all()
    assert_frame_equal(cpf.read_profiles(out), cpf.aggregate(folder, statistics="mean"))


def test_two_ways_never_lie_in_one_folder(screen, tmp_path, here):
    folder, out = screen(2), tmp_path / "out"
    cpf.aggregate_plates(folder / "P00.parquet", out, executor=here)
    with pytest.raises(InputError, match=r"'P00.parquet', of other plates and made with other settings"):
        cpf.aggregate_plates(folder / "P01.parquet", out, statistics="mean", executor=here)
    cpf.aggregate_plates(folder / "P01.parquet", out, executor=here)
    assert len(cpf.gather_plates(out, folder)) == 6


def test_strangers_are_refused(screen, tmp_path, here):
    folder = screen(1)
    with pytest.raises(FileFormatError, match=r"holds 'P00.parquet', which is no result of aggregate_plates"):
        cpf.aggregate_plates(folder, folder, executor=here)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileFormatError, match=r"is a file; name a folder"):
        cpf.aggregate_plates(folder, tmp_path / "file", executor=here)


def test_dry_run_writes_nothing(screen, tmp_path, contents, here):
    folder, out = screen(3, features=60), tmp_path / "out"
    plates = cpf.aggregate_plates(folder, out, dry_run=True)
    assert set(plates["status"]) == {"to do"}
    assert not out.exists()
    forecast = plates.attrs["forecast"]
    assert forecast["plates"] == 3
    assert forecast["size"] == plates["size"].sum() == sum(path.stat().st_size for path in folder.iterdir())
    assert forecast["cells"] == plates["n_cells"].sum() == 180
    assert 0 < forecast["seconds"] < 60
    assert forecast["trial"] == "48 of 60 features of plate 'P00'"
    cpf.aggregate_plates(folder, out, executor=here)
    before = contents(out)
    assert set(cpf.aggregate_plates(folder, out, dry_run=True, statistics="mean")["status"]) == {"to do"}
    assert set(cpf.aggregate_plates(folder, out, dry_run=True, resume=True)["status"]) == {"kept"}
    assert contents(out) == before


def test_plate_names_are_safe_file_names(tmp_path, plate_of_cells, here):
    names = ["a/b", ".hidden", "100%", "../up", "μ plate"]
    cells = pd.concat([plate_of_cells(name, i) for i, name in enumerate(names)], ignore_index=True)
    cpf.write_profiles(cells, tmp_path / "all.parquet")
    cpf.aggregate_plates(tmp_path / "all.parquet", tmp_path / "out", executor=here)
    assert sorted(path.parent for path in tmp_path.rglob("*.parquet")) == [tmp_path, *[tmp_path / "out"] * 5]
    assert sorted(cpf.gather_plates(tmp_path / "out", names)["Metadata_Plate"].unique()) == sorted(names)


def test_progress_counts_plates_cells_and_bytes(screen, tmp_path, here):
    folder, told = screen(3), []
    cpf.aggregate_plates(folder, tmp_path / "out", executor=here, progress=told.append)
    assert [(now.done, now.total, now.cells) for now in told] == [(1, 3, 60), (2, 3, 120), (3, 3, 180)]
    assert told[-1].size == sum(path.stat().st_size for path in folder.iterdir())
    told.clear()
    cpf.aggregate_plates(folder, tmp_path / "out", resume=True, progress=told.append, executor=here)
    assert [(now.done, now.cells, now.size) for now in told] == [(1, 0, 0), (2, 0, 0), (3, 0, 0)]


def test_a_column_that_differs_in_the_wells_of_one_plate_is_left_out_of_all(tmp_path, contents, plate_of_cells, here):
    folder, out = tmp_path / "cells", tmp_path / "out"
    folder.mkdir()
    for i, sites in enumerate([[1], [1, 2]]):
        cells = plate_of_cells(f"P{i}", i).assign(Metadata_Site=np.resize(sites, 60))
        cpf.write_profiles(cells, folder / f"P{i}.parquet")
    plates = cpf.aggregate_plates(folder, out, executor=here)
    assert "Metadata_Site" in list(cpf.ledger(plates)["name"])
    expected = cpf.aggregate(folder)
    assert_frame_equal(cpf.read_profiles(out), expected)
    assert "Metadata_Site" in list(cpf.ledger(cpf.gather_plates(out))["name"])
    before = contents(out)
    (out / "P0.parquet").unlink()
    cpf.aggregate_plates(folder, out, resume=True, executor=here)
    assert contents(out) == before


def test_flagged_cells_are_left_out_and_counted(tmp_path, plate_of_cells, here):
    rng = np.random.default_rng(0)
    cells = plate_of_cells("P1", 0, n=600).assign(Nuclei_AreaShape_Area=rng.normal(100, 5, 600))
    cells.loc[[3, 400], "Nuclei_AreaShape_Area"] = [5.0, 1e4]
    cpf.write_profiles(cells, tmp_path / "P1.parquet")
    cpf.aggregate_plates(tmp_path / "P1.parquet", tmp_path / "out", flag_cells=True, executor=here)
    expected = cpf.aggregate(cpf.flag_cells(cells), exclude="Metadata_QC_Flagged")
    assert_frame_equal(cpf.read_profiles(tmp_path / "out"), expected)
    assert expected["Metadata_Excluded_Count"].sum() >= 2


def test_cells_to_exclude(screen, tmp_path, here):
    folder = screen(2)
    query = "Cells_Texture_F0 > 0.5"
    cpf.aggregate_plates(folder, tmp_path / "out", exclude=query, executor=here)
    assert_frame_equal(cpf.read_profiles(tmp_path / "out"), cpf.aggregate(folder, exclude=query))


def test_what_was_left_out_travels_along(screen, tmp_path, plate_of_cells, here):
    folder = screen(2)
    (folder / "notes.txt").write_text("warm day")
    plates = cpf.aggregate_plates(folder, tmp_path / "out", min_cells=1, executor=here)
    assert "'notes.txt'" in list(cpf.ledger(plates)["name"])
    cells = plate_of_cells("P9", 9).iloc[:45]
    cpf.write_profiles(cells, tmp_path / "P9.parquet")
    cpf.aggregate_plates(tmp_path / "P9.parquet", tmp_path / "few", min_cells=10, executor=here)
    assert list(cpf.ledger(cpf.gather_plates(tmp_path / "few"))["name"]) == ["P9 B01"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"by": "Metadata_Well"}, r"by='Metadata_Well': name 'Metadata_Plate' too"),
        ({"exclude": [True] * 60}, "exclude: a list fits a table only"),
        ({"exclude": "Metadata_Well == 'A01'", "flag_cells": True}, "flag_cells=True, exclude=.*: give one"),
        ({"workers": 0}, "workers=0: not a whole number of at least 1"),
        ({"retries": -1}, "retries=-1: not a whole number of at least 0"),
        ({"executor": "ray"}, r"executor='ray': choose 'local', 'dask', 'slurm', the address"),
        ({"executor": "tcp://nowhere"}, r"no Dask scheduler answers there"),
        ({"statistics": "mode"}, "statistics='mode': choose from"),
        ({"features": ["Cells_Texture_F9"]}, "features='Cells_Texture_F9': no such column"),
        ({"min_cells": 0}, "min_cells=0: not a whole number of at least 1"),
        ({"exclude": "Metadata_Gene == 'x'"}, "exclude='Metadata_Gene': no such column"),
        ({"by": ["Metadata_Plate", "Metadata_Gene"]}, "by='Metadata_Gene': no such column"),
        ({"format": "nonsense"}, "format='nonsense': choose one of"),
        ({"options": {"population": "Nuclei"}}, "population='Nuclei': no option of format"),
    ],
)
def test_wrong_arguments(screen, tmp_path, arguments, words):
    with pytest.raises(InputError, match=words):
        cpf.aggregate_plates(screen(1), tmp_path / "out", **arguments)
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True
