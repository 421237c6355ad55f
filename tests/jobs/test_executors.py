"""Where plates are worked on: how many at a time, and what is missing."""

import builtins
import os
import stat
import sys
import textwrap
from concurrent.futures import Future

import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from cellprofiling.core.threads import granted
from cellprofiling.jobs.executors import MANY, Work, opened_place, processes


@pytest.mark.parametrize(
    ("work", "workers", "expected"),
    [
        (Work(0, True), None, 0),
        (Work(1, True), 8, 0),
        (Work(3, True), 8, 3),
        (Work(9, True), 2, 2),
        (Work(4 * MANY - 1, True), None, 1),
        (Work(4 * MANY, True), None, 4),
        (Work(2, False), None, 2),
        (Work(9, False), None, 4),
    ],
)
def test_processes_on_this_machine(work, workers, expected):
    with granted(4):
        assert processes(work, workers) == expected


@pytest.mark.parametrize(("executor", "package"), [("dask", "distributed"), ("slurm", "dask_jobqueue")])
def test_a_missing_package_is_named(executor, package, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == package:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with (
        pytest.raises(InputError, match=rf"needs the package '{package.replace('_', '-')}'"),
        opened_place(executor, 1, Work(2, True)),
    ):
        pass


def test_a_dask_scheduler_at_an_address(screen, tmp_path, contents, here):
    from distributed import LocalCluster

    folder = screen(3)
    options = {"dashboard_address": ":0", "scheduler_kwargs": {"dashboard": False}, "threads_per_worker": 1}
    with LocalCluster(n_workers=1, processes=False, protocol="tcp", **options) as cluster:
        cpf.aggregate_plates(folder, tmp_path / "out", executor=cluster.scheduler_address)
    cpf.aggregate_plates(folder, tmp_path / "expected", executor=here)
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")


def test_a_place_that_takes_no_more_work(screen, tmp_path):
    class Closed:
        def submit(self, *_):
            raise RuntimeError("cannot schedule new futures after shutdown")

    plates = cpf.aggregate_plates(screen(2), tmp_path / "out", executor=Closed())
    assert list(plates["status"]) == ["failed", "failed"]
    assert plates["reason"].str.contains("no worker finished it in 3 attempts: cannot schedule").all()


def test_word_of_an_end_that_got_lost(screen, tmp_path, monkeypatch):
    """A future that never calls back is asked."""
    monkeypatch.setattr("cellprofiling.jobs.runner.PATIENCE", 0.01)

    class Silent(Future):
        def add_done_callback(self, tell):
            pass

    class Place:
        def submit(self, function, *arguments):
            future = Silent()
            future.set_result(function(*arguments))
            return future

    assert set(cpf.aggregate_plates(screen(2), tmp_path / "out", executor=Place())["status"]) == {"done"}


SBATCH = """#!{python}
import subprocess, sys
done = subprocess.Popen(["bash", sys.argv[-1]], start_new_session=True, stdout=open({log!r}, "a"), stderr=2)
print("Submitted batch job", done.pid)
"""
SCANCEL = """#!{python}
import os, signal, sys
try:
    os.killpg(int(sys.argv[-1]), signal.SIGKILL)
except ProcessLookupError:
    pass
"""


@pytest.mark.slow
def test_slurm(screen, tmp_path, contents, monkeypatch, here):
    """With a stand-in for sbatch that runs the script of a job here."""
    import dask

    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        text = textwrap.dedent(text).format(python=sys.executable, log=str(tmp_path / "log"))
        (tools / name).write_text(text.replace("stderr=2", "stderr=subprocess.STDOUT"))
        (tools / name).chmod((tools / name).stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    folder = screen(4)
    with dask.config.set({"jobqueue.slurm.cores": 1, "jobqueue.slurm.memory": "2GB", "jobqueue.slurm.interface": "lo"}):
        plates = cpf.aggregate_plates(folder, tmp_path / "out", executor="slurm", workers=1)
    assert set(plates["status"]) == {"done"}, plates["reason"].to_list()
    cpf.aggregate_plates(folder, tmp_path / "expected", executor=here)
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")


def test_slurm_has_to_know_what_a_worker_needs():
    with (
        pytest.raises(InputError, match=r"'cores', 'memory' of a worker unknown; say in ~/.config/dask/jobqueue.yaml"),
        opened_place("slurm", 1, Work(2, True)),
    ):
        pass
