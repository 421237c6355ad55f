"""What was kept, dropped and why: the lines that travel with a profile table.

The ledger lives in `profiles.attrs["ledger"]`. It is read, never computed with, so a pandas verb that loses
`attrs` (`merge` does) loses the history and nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

import pandas as pd

from cellprofiling.core import checks

KEY = "ledger"
COLUMNS = ("step", "item", "name", "reason", "n")


class Line(TypedDict):
    """One line: in `step`, `n` things of kind `item` (feature, well, cell, file) called `name` were dropped."""

    step: str
    item: str
    name: str
    reason: str
    n: int


class Ledger(list[Line]):
    """Lines in the order they were written; treated as immutable.

    pandas deep-copies `attrs` at every operation; a ledger of thousands of lines must not be copied each time.
    """

    def __deepcopy__(self, memo: dict) -> "Ledger":
        """Return itself: a ledger is never changed in place."""
        return self


def lines(step: str, item: str, names: Iterable[object], reason: str, n: int = 1) -> list[Line]:
    """Return one line for each of `names`, all dropped or changed by `step` for the same `reason`."""
    n = int(n)  # numpy's integers cannot be written into the attrs of a parquet file
    return [Line(step=step, item=item, name=str(name), reason=reason, n=n) for name in names]


def written(profiles: pd.DataFrame, *sources: pd.DataFrame, new: Sequence[Line] = ()) -> pd.DataFrame:
    """Return `profiles` carrying the lines of `sources`, then the `new` ones (the frame itself, attrs set)."""
    old = {tuple(line.values()): line for source in sources for line in source.attrs.get(KEY, ())}
    profiles.attrs[KEY] = Ledger([*old.values(), *new])
    return profiles


def ledger(profiles: pd.DataFrame) -> pd.DataFrame:
    """
    Return what earlier steps dropped or changed on the way to this table.

    Parameters
    ----------
    profiles : pandas.DataFrame
        Any table returned by a verb of this package.

    Returns
    -------
    pandas.DataFrame
        One row per dropped or changed thing, in order: ``step`` (the verb), ``item`` (what kind of thing: feature,
        well, cell, file), ``name``, ``reason`` and ``n`` (how many).

    Notes
    -----
    The lines travel in ``profiles.attrs``; `pandas.DataFrame.merge` drops them, the verbs of this package do not.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Well": ["A01", "A02", "A03"], "Cells_a": [1.0, 2, 4], "Cells_b": [1.0, 1, 1]})
    >>> cpf.ledger(cpf.normalize(wells, "standardize", by=None))
            step     item     name                      reason  n
    0  normalize  feature  Cells_b  no spread in the reference  1
    """
    checks.arguments(locals(), profiles=checks.frame)
    return pd.DataFrame(list(profiles.attrs.get(KEY, ())), columns=list(COLUMNS))


def merged(parts: Iterable[Line]) -> list[Line]:
    """Return lines of which those that differ only in their count are one, with the counts added up."""
    total: dict[tuple[str, str, str, str], int] = {}
    for line in parts:
        key = (line["step"], line["item"], line["name"], line["reason"])
        total[key] = total.get(key, 0) + line["n"]
    return [Line(step=s, item=item, name=name, reason=why, n=n) for (s, item, name, why), n in total.items()]
