"""Whatever is given for whatever argument: the verb answers with an error of ours that names the argument."""

import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.columns import By, Reference
from cellprofiling.core.errors import CellProfilingError
from tests.builders import NEGCON

COMPOUND = "Metadata_Compound"
TESTED = {"by": COMPOUND, "reference": NEGCON}
DRAWN = {"permutations": 19}


@functools.cache
def screen() -> Any:
    return cpf.simulate_screen("hetero", plates=2, compounds=6, controls=6, cells_per_well=20, features=20)


@functools.cache
def wells() -> pd.DataFrame:
    return cpf.annotate(cpf.aggregate(screen().cells), screen().platemap).assign(
        Metadata_Label=lambda table: np.where(table[COMPOUND] < "CPD-003", "x", "y"),
        Metadata_Batch=lambda table: table["Metadata_Plate"],
    )


@functools.cache
def compounds() -> pd.DataFrame:
    treated = wells()[wells()["Metadata_Role"] != "negcon"]
    return cpf.consensus(treated, [COMPOUND, "Metadata_Label"])


@functools.cache
def series() -> pd.DataFrame:
    """Return wells of two compounds in rising doses, and controls."""
    rng = np.random.default_rng(0)
    dose = np.r_[np.zeros(12), np.tile(np.repeat([0.1, 0.3, 1, 3, 10, 30], 2), 2)]
    x = 4 * (dose / (dose + 2))[:, None] + rng.normal(size=(36, 6))
    names = np.repeat(["DMSO", "a", "b"], 12)
    metadata = pd.DataFrame({"Metadata_Plate": "P1", COMPOUND: names, "Metadata_Dose": dose})
    return metadata.join(pd.DataFrame(x).add_prefix("Cells_x"))


@functools.cache
def plate() -> pd.DataFrame:
    """Return a full plate with a gradient over its rows."""
    names = [f"{row}{column:02d}" for row in "ABCDEF" for column in range(1, 9)]
    return pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": names, "Cells_Size": np.repeat(np.arange(6.0), 8)})


@functools.cache
def explained() -> pd.DataFrame:
    return cpf.explain(wells(), **TESTED)


@functools.cache
def shares() -> pd.DataFrame:
    return cpf.annotate(
        cpf.subpopulations(screen().cells, reference=NEGCON, n=3, platemap=screen().platemap, max_cells=20),
        screen().platemap,
    )


@functools.cache
def corrections() -> pd.DataFrame:
    return cpf.compare_corrections(
        wells(), {}, batch="Metadata_Batch", **TESTED, draws=2, neighbors=3, label="Metadata_Label"
    )


@functools.cache
def phases() -> pd.DataFrame:
    return cpf.cell_cycle(screen().cells)


ROLES = [
    {"normalize": {"by": "@plate", "reference": "@reference"}},
    {
        "correct_batch": {
            "method": "linear",
            "batch": "@batch",
            "by": "@perturbation",
            "anchors": "reference",
            "reference": "@reference",
        }
    },
]
IN_SERIES = {"by": COMPOUND, "dose": "Metadata_Dose", "reference": {COMPOUND: "DMSO"}}
CELLS = {"cells": lambda: screen().cells}
WELLS = {"profiles": wells}
FOLDER: list[Path] = []  # one folder for all files, filled by a fixture


def folder(name: str = "") -> Callable[[], str]:
    return lambda: str(FOLDER[0] / name)


def written() -> str:
    path = FOLDER[0] / "cells.parquet"
    if not path.exists():
        cpf.write_profiles(screen().cells, path)
    return str(path)


def gathered() -> str:
    if not (FOLDER[0] / "gathered").exists():
        cpf.aggregate_plates(written(), FOLDER[0] / "gathered")
    return str(FOLDER[0] / "gathered")


def fit() -> str:
    cpf.fit_normalization(wells()).save(FOLDER[0] / "fit.npz")
    return str(FOLDER[0] / "fit.npz")


def map_file() -> str:
    screen().platemap.to_csv(FOLDER[0] / "platemap.csv", index=False)
    return str(FOLDER[0] / "platemap.csv")


# One call of each verb that succeeds; a function stands for what it returns.
CALLS: dict[str, dict[str, Any]] = {
    "activity": {**WELLS, **TESTED, **DRAWN},
    "aggregate": CELLS,
    "aggregate_plates": {"cells": written, "out": folder("out")},
    "annotate": {"profiles": lambda: cpf.aggregate(screen().cells), "platemap": lambda: screen().platemap},
    "audit_controls": {**WELLS, "reference": NEGCON, **DRAWN},
    "audit_labels": {**WELLS, "by": COMPOUND},
    "audit_layout": {**WELLS, "by": COMPOUND},
    "audit_position": {**WELLS, "reference": NEGCON, **DRAWN},
    "average_precision": {**WELLS, "positives": {"same": [COMPOUND]}, "negatives": {"different": [COMPOUND]}},
    "cell_cycle": CELLS,
    "cell_cycle_shares": CELLS,
    "check_quality": {"wells": wells, "reference": NEGCON},
    "cluster": {"profiles": compounds, "method": "kmeans", "n_clusters": 2, "resamples": 2},
    "compare_corrections": {**WELLS, "candidates": {}, "batch": "Metadata_Batch", **TESTED, "draws": 2},
    "compare_features": {**WELLS, **TESTED},
    "compare_modalities": {
        "a": wells,
        "b": wells,
        "on": ["Metadata_Plate", "Metadata_Well"],
        "components": 1,
        "axes": 2,
        **DRAWN,
    },
    "compare_subpopulations": {"wells": shares, **TESTED, **DRAWN},
    "consensus": {**WELLS, "by": COMPOUND},
    "consistency": {"profiles": compounds, "by": COMPOUND, "label": "Metadata_Label", **DRAWN},
    "correct_batch": {
        **WELLS,
        "method": "linear",
        "batch": "Metadata_Batch",
        "anchors": "reference",
        "reference": NEGCON,
    },
    "correct_context": {"cells": phases, "covariates": "Metadata_DNA_Content", "reference": None},
    "correct_position": {"profiles": plate, "method": "median_polish"},
    "count_objects": CELLS,
    "distinctiveness": {**WELLS, **TESTED, **DRAWN},
    "dose_responses": {"profiles": series, **IN_SERIES, "response": "Cells_x0"},
    "embed": WELLS,
    "enrich": {"clusters": lambda: cpf.cluster(compounds(), "kmeans", n_clusters=2), "label": "Metadata_Label"},
    "enrich_neighbors": {"profiles": compounds, "by": COMPOUND, "label": "Metadata_Label", "k": 2},
    "exemplars": {**CELLS, **TESTED, "platemap": lambda: screen().platemap, "k": 1, "max_cells": 10},
    "explain": {**WELLS, **TESTED},
    "explain_embedding": {"embedding": lambda: cpf.embed(wells()), "named": wells, **TESTED, "n_components": 1},
    "explain_selection": WELLS,
    "fingerprint": {**CELLS, "reference": NEGCON, "platemap": lambda: screen().platemap, "components": 2},
    "fit_batch_correction": {
        **WELLS,
        "method": "linear",
        "batch": "Metadata_Batch",
        "anchors": "reference",
        "reference": NEGCON,
    },
    "fit_doses": {"profiles": series, **IN_SERIES, "response": "Cells_x0", "bootstraps": 0, **DRAWN},
    "fit_normalization": WELLS,
    "fit_selection": WELLS,
    "fit_whitening": WELLS,
    "flag_cells": {**CELLS, "rules": lambda: {"missing": {"feature": str(screen().cells.columns[-1])}}},
    "from_anndata": {"adata": None},
    "from_mudata": {"mdata": None},
    "gather_plates": {"folder": gathered},
    "grit": {**WELLS, "by": COMPOUND, "group": "Metadata_Label", "reference": NEGCON},
    "ledger": WELLS,
    "load_fit": {"path": fit},
    "measure_clustering": CELLS,
    "measure_neighborhood": CELLS,
    "normalize": WELLS,
    "describe": WELLS,
    "open_cells": {"path": written},
    "parse_features": {"names": ["Cells_AreaShape_Area"]},
    "percent_replicating": {**WELLS, "by": COMPOUND, "draws": 10},
    "plan_power": {"plates": 2, "controls": 4, "compounds": 4, "cells_per_well": 20, "simulations": 1, **DRAWN},
    "predict_mechanism": {
        "profiles": compounds,
        "by": COMPOUND,
        "label": "Metadata_Label",
        "not_same": "compound",
        **DRAWN,
    },
    "preset": {"name": "jump_orf"},
    "rank_hits": {**WELLS, **TESTED, **DRAWN},
    "read_platemap": {"path": map_file},
    "read_profiles": {"path": written},
    "regress_out": {**WELLS, "covariates": "Metadata_Object_Count"},
    "relation_recall": {
        "profiles": compounds,
        "relations": lambda: pd.DataFrame({"a": ["CPD-001"], "b": ["CPD-002"]}),
        "by": COMPOUND,
        **DRAWN,
    },
    "responders": {**CELLS, **TESTED, "platemap": lambda: screen().platemap, "max_cells": 10, **DRAWN},
    "run_steps": {**WELLS, **TESTED, "steps": ROLES},
    "select_features": WELLS,
    "similarity": {"profiles": compounds},
    "simulate_screen": {"plates": 1, "compounds": 2, "controls": 2, "cells_per_well": 5, "features": 20},
    "subpopulations": {**CELLS, "reference": NEGCON, "platemap": lambda: screen().platemap, "n": 2, "max_cells": 10},
    "summarize_hits": {"explained": explained, **WELLS, **TESTED},
    "titration_similarity": {"profiles": series, **IN_SERIES},
    "to_anndata": WELLS,
    "to_mudata": {"tables": lambda: {"a": compounds(), "b": compounds()}, "on": COMPOUND},
    "variance_budget": {**WELLS, "levels": ["Metadata_Plate"]},
    "whiten": WELLS,
    "verbs": {},
    "methods": {"verb": "normalize"},
    "write_comparison": {"table": corrections, "path": folder("corrections.html")},
    "write_hits": {"hits": lambda: hits(), "path": folder("hits.csv")},
    "write_profiles": {**WELLS, "path": folder("wells.csv")},
    "write_report": {"folder_or_tables": lambda: {"wells": wells(), "hits": hits()}, "path": folder("report.html")},
    "plot.platemap": {"table": wells, "value": "Metadata_Object_Count", "plate": lambda: wells()["Metadata_Plate"][0]},
    "plot.screen": {"wells": wells, "value": "Metadata_Object_Count"},
    "plot.embedding": {"table": lambda: cpf.embed(wells())},
    "plot.hits": {"hits": lambda: hits()},
    "plot.audit": {"audit": lambda: pd.DataFrame(hits().attrs["audit"])},
    "plot.controls": {"wells": wells, "value": "Metadata_Object_Count", "reference": NEGCON},
    "plot.separation": {"checks": lambda: separations(), "check": "controls.z_prime"},
    "plot.position": {"wells": wells, "value": "Metadata_Object_Count"},
    "plot.drift": {"wells": wells, "value": "Metadata_Object_Count", "reference": NEGCON},
    "plot.replicates": {"table": lambda: cpf.percent_replicating(wells(), by=COMPOUND, draws=10)},
    "plot.corrections": {"table": corrections},
    "plot.changes": {"features": lambda: cpf.compare_features(wells(), **TESTED).query(f"{COMPOUND} == 'CPD-001'")},
    "plot.confusion": {
        "predictions": lambda: pd.DataFrame(
            {"Metadata_Label": ["x", "x", "y"], "predicted": ["x", "y", "y"], "correct": [True, False, True]}
        ),
        "label": "Metadata_Label",
    },
    "plot.doses": {
        "fits": lambda: cpf.fit_doses(**taken("fit_doses")),
        "responses": lambda: cpf.dose_responses(**taken("dose_responses")),
        "compound": "a",
    },
    "plot.fingerprint": {
        "profiles": lambda: cpf.normalize(
            cpf.annotate(cpf.fingerprint(**taken("fingerprint")), screen().platemap), reference=NEGCON
        )
    },
    "plot.responders": {
        "table": lambda: pd.DataFrame(
            {COMPOUND: ["a", "b"], "responder_fraction": [0.1, 0.9], "fraction_low": [0.0, 0.8]}
        )
    },
    "plot.cell_cycle": {"cells": phases},
    "plot.phases": {
        "wells": lambda: cpf.annotate(cpf.cell_cycle_shares(screen().cells), screen().platemap),
        "by": COMPOUND,
    },
    "plot.explanation": {"explained": lambda: explained().query(f"{COMPOUND} == 'CPD-001'")},
    "plot.group_heatmap": {"explained": explained},
    "plot.cluster_heatmap": {"similarity": lambda: cpf.similarity(compounds())},
    "plot.power": {
        "table": lambda: pd.DataFrame(
            {
                "plates": [2, 4],
                "controls": 24,
                "cells_per_well": None,
                "effect": 0.3,
                "compounds": 60,
                "recall": [0.4, 0.9],
                "ci_low": [0.3, 0.8],
                "ci_high": [0.5, 1.0],
            }
        )
    },
}


@functools.cache
def hits() -> pd.DataFrame:
    return cpf.rank_hits(wells(), **TESTED, **DRAWN)


def separations() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": "controls.z_prime",
            "level": "plate",
            "scope": ["P1", "P2"],
            "metric": "robust Z'",
            "value": [0.6, 0.2],
            "ci_low": [0.5, -0.1],
            "ci_high": [0.7, 0.5],
            "status": ["pass", "inconclusive"],
            "threshold": "warn below 0.40, fail below 0",
        }
    )


@functools.cache
def _taken(verb: str) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in CALLS[verb].items()}


def taken(verb: str) -> dict[str, Any]:
    """Return the arguments of the call of a verb that succeeds."""
    return dict(_taken(verb))


def verb_named(name: str) -> Callable[..., Any]:
    return functools.reduce(getattr, name.split("."), cpf)


def verbs() -> list[str]:
    names = [name for name in cpf.__all__ if inspect.isfunction(getattr(cpf, name))]
    return names + [f"plot.{name}" for name in cpf.plot.__all__]


def words(verb: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(verb_named(verb)).parameters)


HUGE = 10**30
NOT_TEXT = (3, 1.5, True, b"x", object(), ["Metadata_Nope"], {"Metadata_Plate": 1})
OTHERS = pd.DataFrame({"Unrelated": ["a", "b"]})  # a table; the verb may name whatever is not in it
EMPTY = pd.DataFrame({"Metadata_Plate": pd.Series(dtype=str), "Metadata_Well": pd.Series(dtype=str)})
WRONG: dict[str, tuple[Any, ...]] = {
    "table": (3, "wells", [], {}, np.zeros((3, 2)), pd.Series([1.0]), pd.DataFrame(), EMPTY, OTHERS),
    "cells": (3, True, [], {}, object(), np.zeros((3, 2)), pd.DataFrame(), EMPTY, "no/such/file.csv", ""),
    "name": (*NOT_TEXT, "Metadata_Nope", ""),
    "names": (3, True, b"x", object(), "Metadata_Nope", ["Metadata_Nope"], [["Metadata_Plate"]], [None], {"a": 1}),
    "reference": (
        3,
        True,
        b"x",
        object(),
        "Metadata_Role ==",
        "Metadata_Nope == 1",
        "1 + 1",
        {"Metadata_Nope": 1},
        [True],
        np.zeros(3),
        [],
        {},
    ),
    "whole": ("3", -1, 0.5, np.nan, np.inf, True, [1], object(), HUGE, pd.DataFrame()),
    "number": ("0.5", -1.5, np.nan, np.inf, True, [0.5], object()),
    "flag": (1, "yes", object(), []),
    "path": (3, True, object(), ["a"], "", "no/such/folder/file.csv"),
    "mapping": (3, "a", object(), [1], ["Metadata_Nope"]),
    "function": (3, "a", object()),
    "axes": (3, "a", object()),
    "anything": (3, object(), "Metadata_Nope"),
}


def kind(verb: str, word: inspect.Parameter) -> str:
    """Return which of `WRONG` an argument is to be tried with, from its annotation."""
    if word.name in KINDS.get(verb, {}):
        return KINDS[verb][word.name]
    annotation = str(word.annotation)
    if word.annotation is By or "str | collections.abc.Sequence[str]" in annotation:
        return "names"
    if word.annotation == Reference or word.name == "exclude":
        return "reference"
    for sign, name in SIGNS.items():
        if sign in annotation:
            return name
    return {"str": "name", "int": "whole", "float": "number", "bool": "flag"}.get(_plain(word), "anything")


def _plain(word: inspect.Parameter) -> str:
    parts = [part for part in typing.get_args(word.annotation) or [word.annotation] if part is not types.NoneType]
    return parts[0].__name__ if len(parts) == 1 and isinstance(parts[0], type) else ""


SIGNS = {
    "cells.Cells": "cells",
    "os.PathLike": "path",
    "pathlib.Path": "path",
    "DataFrame": "table",
    "Axes": "axes",
    "Callable": "function",
    "Sequence[str]": "names",
    "Mapping": "mapping",
}
KINDS = {"check_quality": {"cells": "cells", "images": "cells"}}
# Arguments that take some of `WRONG` as well, or that the call above has no use for.
TAKEN: dict[str, set[str]] = {
    "aggregate_plates": {"out"},  # folders are made
    "average_precision": {"separator"},
    "cell_cycle": {"background"},  # used with a measured mean only
    "cell_cycle_shares": {"background"},
    "check_quality": {"hits", "cells", "images"},  # what is not in them is not checked
    "consistency": {"separator"},
    "ledger": {"profiles"},
    "describe": {"profiles"},  # a table without rows is described as such
    "parse_features": {"names"},
    "plan_power": {"by", "reference", "plate", "cells", "plates", "controls", "cells_per_well", "effect", "compounds"},
    "plot.doses": {"compound", "fits", "responses"},
    "plot.separation": {"floor"},
    "run_steps": {"site", "well", "count"},  # roles that no step asks for
    "variance_budget": {"levels"},
    "verbs": {"question"},
    "write_profiles": {"profiles"},
    "write_comparison": {"path"},
    "write_hits": {"path"},
    "write_report": {"path"},
}


def cases() -> Iterator[tuple[str, str]]:
    for verb in verbs():
        for word in words(verb).values():
            if word.kind is not word.VAR_KEYWORD:
                yield verb, word.name


def wrong_values(verb: str, name: str) -> list[Any]:
    word = words(verb)[name]
    values = [value for value in WRONG[kind(verb, word)] if not (name == "seed" and value is HUGE)]
    if "None" not in str(word.annotation):
        values.append(None)
    return values


def answer(verb: str, name: str, value: Any) -> str:
    """Return what is wrong with the answer of a verb to a wrong value, or nothing."""
    try:
        verb_named(verb)(**{**taken(verb), name: value})
    except CellProfilingError as error:
        of_a_path = kind(verb, words(verb)[name]) == "cells" and str(error).startswith("path=")
        if value is OTHERS or of_a_path or name in TAKEN.get(verb, ()) or re.search(rf"\b{name}\b", str(error)):
            return ""
        return f"does not name it: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        plt.close("all")
    return "" if name in TAKEN.get(verb, ()) else "is taken"


@pytest.fixture(scope="module", autouse=True)
def _files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    FOLDER.append(tmp_path_factory.mktemp("arguments"))
    yield
    FOLDER.clear()


def test_each_verb_has_a_call_that_succeeds() -> None:
    assert set(CALLS) == set(verbs())


@pytest.mark.parametrize("verb", CALLS)
def test_the_calls_succeed(verb: str) -> None:
    if "anndata" in verb or "mudata" in verb:
        pytest.skip("needs a package that may not be there")
    verb_named(verb)(**taken(verb))
    plt.close("all")


@pytest.mark.parametrize(("verb", "name"), list(cases()))
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_value_is_answered_with_the_argument_as_it_was_written(
    verb: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a path that is none is looked for here
    answers = {repr(value)[:60]: answer(verb, name, value) for value in wrong_values(verb, name)}
    assert not {value: text for value, text in answers.items() if text}


@pytest.mark.parametrize("verb", [verb for verb, name in cases() if name == "seed"])
@pytest.mark.parametrize("seed", [0, np.int64(7), 2**32, HUGE])
def test_a_seed_is_any_whole_number(verb: str, seed: int) -> None:
    verb_named(verb)(**taken(verb), seed=seed)
