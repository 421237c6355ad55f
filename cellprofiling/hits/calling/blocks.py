"""Perturbations tested by each block of a fingerprint, and the answers put together."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cellprofiling.core.errors import ColumnError, FeatureError, listed, nearest
from cellprofiling.core.methods import Method, table_of
from cellprofiling.hits.design import Design
from cellprofiling.kernels.inference.combined_p import bonferroni, cauchy

ALPHA = 0.05  # shared by the blocks of a perturbation, to say which of them speak
COMBINE = table_of(
    Method("min", "The smallest of the p-values of blocks times their number.", bonferroni),
    Method(
        "cauchy",
        "The Cauchy combination of the p-values of blocks.",
        cauchy,
        "Liu and Xie, J. Am. Stat. Assoc. 115, 393 (2020), https://doi.org/10.1080/01621459.2018.1554485",
    ),
)
DEPENDENCE = "Dependence_PC"
COUNTS = ["n_wells", "n_plates", "n_controls"]
WORDS = {"min": "Bonferroni's combination", "cauchy": "Cauchy combination"}
LABELS = {
    "level": "average change",
    "spread": "more or less variable",
    "dependence": "different relation between features, or a subset of cells",
}

Blocks = bool | Mapping[str, Sequence[str]] | None


def block_designs(design: Design, blocks: Blocks) -> dict[str, Design]:
    """Return for each block the design with its features alone; with `blocks=None` all features are one, called ""."""
    if not blocks:
        return {"": design}
    place = {name: column for column, name in enumerate(design.features)}
    columns = _named(design.features) if blocks is True else {name: list(those) for name, those in blocks.items()}
    if not columns or not all(columns.values()):
        raise FeatureError(
            f"blocks={blocks!r}: no column ends with '__level' or '__spread' or begins with 'Dependence_PC', as those "
            "of fingerprint() do; or give {name: [features]}, none of them empty."
        )
    absent = [name for those in columns.values() for name in those if name not in place]
    if absent:
        raise ColumnError(
            f"blocks={listed(absent)}: no such column among the features.{nearest(absent[0], design.features)}"
        )
    return {name: design.with_features(np.sort([place[n] for n in those])) for name, those in columns.items()}


def _named(measured: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns of each block that fingerprints have."""
    columns = {
        "level": [name for name in measured if name.endswith("__level")],
        "spread": [name for name in measured if name.endswith("__spread")],
        "dependence": [name for name in measured if name.startswith(DEPENDENCE)],
    }
    return {name: those for name, those in columns.items() if those}


def without_dependence(design: Design) -> Design:
    """Return the design without the dependence of a fingerprint, whose numbers mean nothing to people, one by one."""
    kept = np.flatnonzero([not name.startswith(DEPENDENCE) for name in design.features])
    return design if len(kept) in {0, len(design.features)} else design.with_features(kept)


def together(tests: Mapping[str, pd.DataFrame], combine: str) -> pd.DataFrame:
    """Return the tests of all blocks as one table: each block's statistic and p-value, then the combined ones.

    Parameters
    ----------
    tests : of each block, with the same rows.
    """
    first = next(iter(tests.values()))
    p = np.array([test["p_value"] for test in tests.values()], dtype=np.float64)
    floor = np.array([test["p_floor"] for test in tests.values()], dtype=np.float64)
    result = pd.DataFrame(index=first.index)
    for name, test in tests.items():
        result[f"statistic_{name}"], result[f"p_{name}"] = test["statistic"], test["p_value"]
    result["p_value"], result["q_value"], result["p_floor"] = COMBINE[combine](p), np.nan, COMBINE[combine](floor)
    result["block"] = [label(dict(zip(tests, column, strict=True))) for column in p.T]
    result[COUNTS] = first[COUNTS]
    result["n_permutations"] = np.max([test["n_permutations"] for test in tests.values()], axis=0)
    schemes = zip(*(test["null_scheme"] for test in tests.values()), strict=True)
    result["null_scheme"] = [f"{'; '.join(dict.fromkeys(words))}; {WORDS[combine]} of blocks" for words in schemes]
    return result


def label(p_values: Mapping[str, float]) -> str:
    """Return in words what the blocks say that reach 0.05 over their number; nothing if none does."""
    chosen = [name for name, p in p_values.items() if p <= ALPHA / len(p_values)]
    return "; ".join(LABELS.get(name, f"change of {name}") for name in chosen)
