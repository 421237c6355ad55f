"""The plan of the house: floors, weight of the import, the face, and its docstrings."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import numpydoc.validate
import pytest

import cellprofiling as cpf

ROOT = Path(cpf.__file__).parent
FACE = [name for name in cpf.__all__ if name != "plot"]
HEAVY = ("matplotlib", "bokeh", "umap", "numba", "pycytominer", "seaborn", "statsmodels", "sklearn")

FOLDERS = [ROOT, *(path for path in ROOT.rglob("*") if path.is_dir() and path.name != "__pycache__")]
FILES = sorted(ROOT.rglob("*.py"))
MOST_FILES = 16

# Files of inner rooms without a verb that other rooms import all the same, and why. Tables of methods need no entry.
DOORS = {
    "hits.calling.blocks": "the blocks of a fingerprint, as screen.yaml may name them",
    "hits.calling.statistics": "the table of statistics, for screen.yaml and for power",
    "io.objects.derived": "what a column is that is computed whenever cells are read",
    "io.objects.partitions": "a piece of cells, the one thing that all verbs of cells take apart",
    "io.storage.arrow": "which columns of plates that jobs wrote are the same",
    "io.storage.files": "which files are meant, and writing one whole or not at all",
    "io.storage.parquet": "the parts that jobs write and gather",
    "io.storage.records": "records as JSON, wherever one is kept",
    "profiles.comparison.scores": "the table of scores, which the report of a comparison explains",
}

# What stood before these rules and has not moved yet: the list only gets shorter.

# Sections that this project leaves out on purpose where they would say nothing: extended summary, see also.
LEFT_OUT = {"ES01", "SA01", "SA04"}


def test_floors() -> None:
    """Imports only go down, and kernels know arrays only."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    found = subprocess.run(command, cwd=ROOT.parent, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _module(path: Path) -> str:
    """Return the name of a file as others import it."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(path): path for path in FILES}


def _imports(path: Path) -> Iterator[str]:
    """Give each module of the package that a file imports, anywhere in it, for types alone too."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] == ROOT.name)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == ROOT.name:
            inner = (f"{node.module}.{name.name}" for name in node.names)
            yield from (name if name in MODULES else str(node.module) for name in inner)


GRAPH = {module: set(_imports(path)) - {module} for module, path in MODULES.items()}


def _files(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]


def test_no_folder_is_full() -> None:
    """At most 16 files lie in a folder."""
    assert {str(folder): len(_files(folder)) for folder in FOLDERS if len(_files(folder)) > MOST_FILES} == {}


def test_a_first_word_of_three_files_is_a_folder() -> None:
    """What three files of a folder share belongs on its door."""
    words = {folder: Counter(name.partition("_")[0] for name in _files(folder)) for folder in FOLDERS}
    assert {
        f"{folder.name}/{word}_*" for folder, counts in words.items() for word, n in counts.items() if n > 2
    } == set()


def test_a_file_name_occurs_once_in_its_room() -> None:
    """Whoever looks for a file by its name meets one."""
    rooms = [folder for folder in FOLDERS if folder.parent == ROOT]
    names = {
        room.name: Counter(name for folder in [room, *room.rglob("*")] for name in _files(folder)) for room in rooms
    }
    assert {f"{room}: {name}" for room, counts in names.items() for name, n in counts.items() if n > 1} == set()


def test_no_file_bears_the_name_of_its_verb() -> None:
    """A file is a noun and a verb is a verb: `from room.file import verb` never says one word twice."""
    verbs = {*FACE, *cpf.plot.__all__}
    alike = [path for path in FILES if path.stem in verbs]
    defined = {path: {getattr(node, "name", None) for node in _tree(path).body} for path in alike}
    assert [str(path) for path in alike if path.stem in defined[path]] == []


def test_organs_stay_inside_their_room() -> None:
    """Other rooms import an inner room by the files of its verbs, its tables of methods, and the doors listed above."""
    face = {
        f"cellprofiling.{name}" for name in re.findall(r"^from \.([\w.]+) import", _face_text(), flags=re.MULTILINE)
    }
    face |= GRAPH["cellprofiling.plot"]
    outside = defaultdict(set)
    for module, imported in GRAPH.items():
        for name in imported - face:
            _, *rooms = name.split(".")
            inner = len(rooms) > 2 and rooms[0] not in {"core", "kernels"}
            if inner and rooms[0] != module.split(".")[1:2][0] and not name.endswith("methods"):
                outside[name.removeprefix("cellprofiling.")].add(module)
    assert {name: users for name, users in outside.items() if name not in DOORS} == {}
    assert set(DOORS) <= set(outside), "a door that nobody uses is a wall"


def _face_text() -> str:
    return (ROOT / "__init__.pyi").read_text(encoding="utf-8")


def test_imports_go_in_no_circle() -> None:
    """Not even for types alone, which the contract does not see."""
    TopologicalSorter(GRAPH).prepare()


def test_nobody_imports_the_root() -> None:
    """`import cellprofiling as cpf` inside the package hides which room is meant; the command line stands above all."""
    users = {module.removeprefix("cellprofiling.") for module, imported in GRAPH.items() if "cellprofiling" in imported}
    assert {module for module in users if not module.startswith("cli.")} == set()


def test_a_long_number_is_written_once() -> None:
    """A float of five digits or more in two files is a constant without a home."""
    places = defaultdict(set)
    for path in FILES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                digits = repr(node.value).partition("e")[0].replace(".", "").strip("0")
                if len(digits) >= 5:
                    places[node.value].add(_module(path))
    assert {number: where for number, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize(
    "folder", [path for path in FOLDERS if path.parent == ROOT / "kernels"], ids=lambda path: path.name
)
def test_kernels_have_a_page_of_contents(folder: Path) -> None:
    """The docstring of a folder of kernels names each of its files."""
    contents = ast.get_docstring(_tree(folder / "__init__.py")) or ""
    assert [name for name in _files(folder) if not re.search(rf"\b{name}\b", contents)] == []


OWNERS = packages_distributions()


def _third_party(path: Path) -> Iterator[str]:
    """Give each distribution that a file imports, or asks for its files, anywhere in it."""
    for node in ast.walk(_tree(path)):
        names = []
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "distribution":
            names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        roots = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {ROOT.name}
        for root in roots:
            yield min(OWNERS.get(root, [root])).lower().replace("_", "-")


def test_what_is_declared_is_imported_and_what_is_imported_is_declared() -> None:
    """No dependency is carried for nothing, and none comes by the luck of another's."""
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    needed, extra = (
        {re.match(r"[\w.-]+", line)[0].lower() for line in lines} for lines in (project["dependencies"], extras)
    )
    imported = {name for path in FILES for name in _third_party(path)}
    assert needed - imported == set()
    assert imported - needed <= extra


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


def test_import_loads_nothing_but_names() -> None:
    """What makes an import slow is what it loads: the standard library, `lazy_loader`, no room but core."""
    loaded = _imported("import cellprofiling") - _imported("")
    roots = {name.partition(".")[0] for name in loaded}
    assert roots - set(sys.stdlib_module_names) <= {"cellprofiling", "lazy_loader"}
    assert {name.split(".")[1] for name in loaded if name.startswith("cellprofiling.")} <= {"core"}


def test_face_is_documented() -> None:
    """`__all__` holds the names of the API page, all of them and no others, by question and in the same order."""
    page = (ROOT.parent / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^(?:    (\w+)|([A-Z][a-z ]+))$", page, flags=re.MULTILINE)
    face = cpf.verbs()
    by_question = [
        line
        for question, verbs in face.groupby("question", sort=False)["verb"]
        for line in [("", question.capitalize()), *((verb, "") for verb in verbs)]
    ]
    assert listed == by_question
    assert face["verb"].tolist() == cpf.__all__


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


def test_only_one_file_starts_threads() -> None:
    """Granted cores are obeyed because nothing else makes a pool; jobs start processes."""
    makers = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if re.search(r"\b(ThreadPoolExecutor|ProcessPoolExecutor|Thread)\(", path.read_text(encoding="utf-8"))
    }
    assert {maker for maker in makers if not maker.startswith("jobs/")} == {"core/threads.py"}


READS = {
    "cells/summaries.py": "features of pieces of files",
    "cells/cycle/phase_fit.py": "columns of a piece of files",
    "kernels/scale/clipped_scores.py": "read only is an adjective",
    "quality/settings.py": "a YAML file",
    "recipe/gate.py": "the record of a run",
    "recipe/provenance.py": "provenance.json",
    "recipe/results.py": "quality.json",
    "recipe/stages.py": "the platemap",
    "report/record/sources.py": "the files of a run",
}


def test_only_bytes_are_read() -> None:
    """A function called read_* reads bytes, in io, jobs or one of the files above; what is computed has a true name."""
    elsewhere = {
        file
        for path in ROOT.rglob("*.py")
        if (file := path.relative_to(ROOT).as_posix()).partition("/")[0] not in {"io", "jobs"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and re.match(r"_?read_", node.name)
    }
    assert elsewhere == set(READS)
