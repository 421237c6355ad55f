"""The plan of the house: floors, weight of the import, the face, and its docstrings."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpydoc.validate
import pytest

import cellprofiling as cpf

ROOT = Path(cpf.__file__).parent
FACE = [name for name in cpf.__all__ if name != "plot"]
HEAVY = ("matplotlib", "bokeh", "umap", "numba", "pycytominer", "seaborn", "statsmodels", "sklearn")

# Sections that this project leaves out on purpose where they would say nothing: extended summary, see also.
LEFT_OUT = {"ES01", "SA01", "SA04"}


def test_floors() -> None:
    """Imports only go down, and kernels know arrays only."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    found = subprocess.run(command, cwd=ROOT.parent, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def _imported(code: str) -> set[str]:
    """Return the modules loaded after running code in a fresh interpreter."""
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_import_is_light(module: str) -> None:
    """Importing the package loads none of the heavy libraries."""
    assert module not in _imported("import cellprofiling")


def test_verbs_load_no_pycytominer() -> None:
    """Even all verbs together leave pycytominer, umap and matplotlib to those who call them."""
    verbs = [name for name in FACE if name not in {"write_report", "write_comparison"}]
    loaded = _imported("import cellprofiling\n" + "\n".join(f"cellprofiling.{name}" for name in verbs))
    assert loaded.isdisjoint({"pycytominer", "umap", "matplotlib", "bokeh"})


def test_import_takes_no_time() -> None:
    """The import stays far below 0.8 s of processor time, the interpreter's own start taken off."""
    code = "import time; t = time.process_time(); import cellprofiling; print(time.process_time() - t)"
    seconds = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert seconds < 0.8


def test_face_is_documented() -> None:
    """`__all__` holds the names of the API page, all of them and no others."""
    page = (ROOT.parent / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^    (\w+)$", page, flags=re.MULTILINE))
    assert listed == set(cpf.__all__)


def test_stub_names_what_there_is() -> None:
    """Every name of the face can be imported, and star-imports as written."""
    assert all(getattr(cpf, name) is not None for name in cpf.__all__)
    assert set(cpf.__all__) <= set(dir(cpf))


@pytest.mark.parametrize("name", FACE)
def test_docstring(name: str) -> None:
    """Every public docstring passes numpydoc validation, with an example."""
    errors = numpydoc.validate.validate(f"cellprofiling.{name}")["errors"]
    assert [error for error in errors if error[0] not in LEFT_OUT] == []


def test_no_public_name_starts_with_test() -> None:
    """Names that start with test_ would be collected as tests."""
    assert not [name for name in cpf.__all__ if name.startswith("test")]


def test_messages_are_sentences() -> None:
    """Every error raised on purpose is one of the package's own, with a message."""
    bare = []
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            raised = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
            if raised and isinstance(node.exc.func, ast.Name) and not node.exc.args:
                bare.append(f"{path.name}:{node.lineno}")
    assert bare == []
