"""The README's example and the notebooks run as they stand."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def run(code: str, name: str) -> None:
    """Run the code of a document in a namespace of its own."""
    exec(compile(code, name, "exec"), {"__name__": "__main__"})


@pytest.fixture(autouse=True)
def _quiet_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents write into the current folder; give them one of their own, with the data where they expect it."""
    import matplotlib as mpl

    mpl.use("agg")
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)


def test_readme() -> None:
    """Every Python block of the README runs, one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    run("\n".join(blocks), "README.md")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every notebook runs from its first cell to its last."""
    monkeypatch.chdir("notebooks")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code
    run("\n\n".join(code), path.name)


def test_there_are_notebooks() -> None:
    """The folder is not empty, so the test above runs."""
    assert NOTEBOOKS
