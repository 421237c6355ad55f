"""Which plates there are, and what a job has to carry."""

import pickle

import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import FileFormatError, InputError
from cellprofiling.jobs.screen import find_plates


def test_a_plate_in_two_paths(screen, plate_of_cells, tmp_path):
    folder = screen(2)
    cpf.write_profiles(plate_of_cells("P00", 5), tmp_path / "again.parquet")
    with pytest.raises(InputError, match=r"plate 'P00' lies in .*cells' and in .*again.parquet': name their folder"):
        find_plates([folder, tmp_path / "again.parquet"])


def test_no_paths():
    with pytest.raises(InputError, match=r"cells=\[\]: name at least one"):
        find_plates([])


def test_options_are_for_paths(screen):
    with pytest.raises(InputError, match=r"are for paths; these cells are open already"):
        find_plates(cpf.open_cells(screen(1)), "parquet")


def test_text_of_several_plates_is_divided_first(screen, tmp_path, plate_of_cells):
    cells = cpf.open_cells(screen(2)).to_frame()
    cpf.write_profiles(cells, tmp_path / "all.csv")
    with pytest.raises(FileFormatError, match=r"'all.csv': hold several plates .* 'cellprofiling convert"):
        find_plates(tmp_path / "all.csv")
    cpf.open_cells(tmp_path / "all.csv").write(tmp_path / "divided")
    assert list(find_plates(tmp_path / "divided").plates) == ["P00", "P01"]


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".tsv"])
def test_a_plate_travels_to_another_process(screen, ending):
    for plate, cells in find_plates(screen(2, ending=ending)).plates.items():
        there = pickle.loads(pickle.dumps(cells))
        assert there.to_frame().equals(cells.to_frame())
        assert [path.name for part in there.partitions for path in part.paths] == [plate + ending]
        assert sum(part.size for part in there.partitions) == there.partitions[0].paths[0].stat().st_size


def test_plates_in_one_parquet_file_travel_apart(screen, tmp_path):
    cells = cpf.open_cells(screen(3)).to_frame().sample(frac=1, random_state=0)
    cpf.write_profiles(cells, tmp_path / "all.parquet")
    plates = find_plates(tmp_path / "all.parquet").plates
    assert list(plates) == ["P00", "P01", "P02"]
    assert all(len(pickle.loads(pickle.dumps(one)).to_frame()) == 60 for one in plates.values())


def test_lines_about_other_files_stay_behind(screen, plate_of_cells, tmp_path):
    folder = tmp_path / "cells"
    folder.mkdir()
    for i in range(2):
        cells = plate_of_cells(f"P{i}", i).drop(columns="Metadata_Plate")
        cpf.write_profiles(cells, folder / f"P{i}.parquet")
    found = find_plates(folder)
    assert [line["name"] for line in found.plates["P1"].lines] == ["P1.parquet"]
    assert [line["name"] for line in found.lines] == ["P0.parquet", "P1.parquet"]
