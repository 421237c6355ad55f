"""What a dry run says."""

import pytest

import cellprofiling as cpf


def plan(cells, tmp_path, **arguments):
    return cpf.aggregate_plates(cells, tmp_path / "out", dry_run=True, **arguments).attrs["forecast"]


def test_sums_are_those_of_the_files(screen, tmp_path):
    found = plan(screen(5, features=60), tmp_path, workers=2)
    assert found["plates"] == 5
    assert found["cells"] == 300
    assert found["cells_known"]
    assert found["size"] == sum(path.stat().st_size for path in (tmp_path / "cells").iterdir())
    assert found["workers"] == 2


def test_more_threads_and_statistics_need_more_memory(screen, tmp_path):
    from cellprofiling.core.threads import granted

    folder = screen(2, features=60)
    with granted(8):
        one, two, more = (
            plan(folder, tmp_path, workers=1),
            plan(folder, tmp_path, workers=2),
            plan(folder, tmp_path, workers=1, statistics=["median", "mad"]),
        )
    assert one["threads"] == 8
    assert two["threads"] == 4
    assert two["memory"] < one["memory"] < more["memory"]


def test_text_does_not_tell_how_many_cells(screen, tmp_path):
    found = plan(screen(2, ending=".csv"), tmp_path)
    assert not found["cells_known"]
    assert found["trial"] == "plate 'P00'"
    assert found["seconds"] > 0


def test_the_trial_takes_a_plate_that_can_be_read(screen, tmp_path):
    folder = screen(3)
    content = bytearray((folder / "P00.parquet").read_bytes())
    content[len(content) // 8] ^= 16
    (folder / "P00.parquet").write_bytes(content)
    assert plan(folder, tmp_path)["trial"] == "plate 'P01'"


@pytest.mark.parametrize("n", [1, 2])
def test_nothing_can_be_tried(screen, tmp_path, n):
    folder = screen(n)
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 8] ^= 16
        path.write_bytes(content)
    found = plan(folder, tmp_path)
    assert found["seconds"] is None
    assert found["trial"] is None


def test_nothing_to_do(screen, tmp_path, here):
    folder = screen(2)
    cpf.aggregate_plates(folder, tmp_path / "out", executor=here)
    found = plan(folder, tmp_path, resume=True)
    assert (found["plates"], found["size"], found["seconds"]) == (0, 0, 0.0)
