"""Fits kept in files: what a verb learned, written once for all verbs.

A fit is a frozen dataclass with ``.apply(profiles)``; a saved fit is JSON whose first entry, `kind`, says which.
A new kind of fit is a row in `KINDS`.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core import checks
from cellprofiling.core.columns import By, Reference, describe_reference, groups, rows
from cellprofiling.core.errors import SHOWN, FileFormatError, InputError, ReferenceRowsError, listed, plural
from cellprofiling.core.views import Shown
from cellprofiling.io.storage.files import atomic

# First entry of a saved record: where its class is found. Names, so that reading one kind loads no other.
KINDS = {
    "cellprofiling normalization": ("cellprofiling.profiles.normalization.normalization_fit", "Normalization"),
    "cellprofiling scaling": ("cellprofiling.kernels.scale.scale", "Scaling"),
    "cellprofiling ranks": ("cellprofiling.kernels.scale.normal_scores", "RankScaling"),
    "cellprofiling whitening": ("cellprofiling.profiles.whitening_fit", "WhiteningFit"),
    "cellprofiling whitening matrix": ("cellprofiling.kernels.directions.whitening", "Whitening"),
    "cellprofiling selection": ("cellprofiling.profiles.selection.selection_fit", "Selection"),
    "cellprofiling batch correction": ("cellprofiling.profiles.batch.batch_fit", "BatchFit"),
}
Key = tuple[Any, ...]  # the `by` values of a group
ARRAY, TUPLE = "__array__", "__tuple__"  # how JSON names what it does not know


class Fit(Shown):
    """What a verb learned; its kinds are frozen dataclasses that add what was learned, `apply` and `facts`."""

    def save(self, path: str | Path) -> Path:
        """
        Write the fit to a file that `load_fit` reads.

        Parameters
        ----------
        path : str or pathlib.Path
            The file to write, in JSON.

        Returns
        -------
        pathlib.Path
            The file.
        """
        text = json.dumps(_plain(self))
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return Path(path)


def load_fit(path: str | Path) -> Any:
    """
    Return a fit that was written with its `save`.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    Normalization, WhiteningFit, BatchFit or Selection
        The fit, equal to the one that was saved, with ``.apply(profiles)`` and ``.save(path)``.

    Raises
    ------
    FileFormatError
        The file is missing, damaged, or not a saved fit.

    See Also
    --------
    fit_normalization : Make a fit.
    fit_whitening : Make a fit.
    fit_batch_correction : Make a fit.
    fit_selection : Make a fit.

    Examples
    --------
    >>> import pandas as pd, pathlib, tempfile
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Cells_AreaShape_Area": [9.0, 10, 11]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = cpf.fit_normalization(wells, by=None).save(pathlib.Path(folder) / "fit.json")
    ...     cpf.load_fit(file).apply(wells).round(2)
       Cells_AreaShape_Area
    0                 -0.67
    1                  0.00
    2                  0.67
    """
    checks.arguments(locals())
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"), object_hook=_restored)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"path={str(path)!r}: cannot be read as a saved fit ({error}).") from error
    if type(record).__name__ not in {name for _, name in KINDS.values()}:
        raise FileFormatError(f"path={str(path)!r}: not a file written by the save of a fit.")
    return record


def _plain(value: Any) -> Any:
    """Return a value as what JSON knows, arrays by their bytes; what JSON cannot name is an error."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        packed = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {ARRAY: packed, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return {TUPLE: [_plain(item) for item in value]}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    kinds = [kind for kind, (_, name) in KINDS.items() if name == type(value).__name__]
    if kinds:
        return {"kind": kinds[0]} | {name: _plain(item) for name, item in vars(value).items()}
    raise InputError(
        f"by: a group is called {value!r}, a {type(value).__name__}, which a saved fit cannot hold: "
        "turn the column into text first."
    )


def _restored(item: dict[str, Any]) -> Any:
    if ARRAY in item:
        values = np.frombuffer(base64.b64decode(item[ARRAY]), dtype=item["dtype"])
        return values.reshape(item["shape"]).copy()
    if TUPLE in item:
        return tuple(item[TUPLE])
    if item.get("kind") in KINDS:
        module, name = KINDS[item.pop("kind")]
        return getattr(import_module(module), name)(**item)
    return item


def group_keys(profiles: pd.DataFrame, by: By, argument: str = "by") -> tuple[NDArray[np.intp], list[Key]]:
    """Return the group number of each row and the `by` values of each group."""
    codes, table = groups(profiles, by, argument)
    return codes, [tuple(values) for values in table.to_numpy(dtype=object)]


def key_names(keys: Iterable[Key], *, limit: int = SHOWN) -> str:
    """Return the names of groups for a message, such as "'P1', 'P2'"."""
    return listed((key[0] if len(key) == 1 else key for key in keys), limit=limit)


def of_groups(by: Sequence[str], keys: Iterable[Key]) -> str:
    """Return " of Metadata_Plate 'P1', 'P2'", or nothing where all rows are one group."""
    return f" of {', '.join(by)} {key_names(keys)}" if by else ""


def group_words(by: Sequence[str], keys: Sequence[Key]) -> str:
    """Return "all rows", or how many groups there are and what they are called."""
    return f"{plural(len(keys), 'group')} of {', '.join(by)}: {key_names(keys, limit=4)}" if by else "all rows"


def reference_words(reference: Reference, masked: bool) -> str:
    """Return which rows were measured."""
    return "a mask" if masked else "all rows" if reference is None else describe_reference(reference)


def reference_again(
    profiles: pd.DataFrame, reference: Reference, masked: bool, by: Sequence[str], new: Sequence[Key]
) -> NDArray[np.bool_]:
    """Return the reference rows of a later table; a mask that was given for an earlier one cannot find them."""
    if masked:
        raise ReferenceRowsError(
            f"reference: no fit for the rows{of_groups(by, new)}, and the reference of the fit was a mask, which does "
            "not say which rows of a new group are controls: fit with a query."
        )
    return rows(profiles, reference)
