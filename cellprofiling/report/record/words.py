"""Numbers and names as people write them; what is missing is an en dash."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

MISSING = "–"


def number(value: Any) -> str:
    """Return a count with thousands apart: 12,345."""
    return MISSING if _is_missing(value) else f"{value:,.0f}"


def amount(value: Any) -> str:
    """Return a measurement with three digits that matter: 0.0123, 4.57, 12,345."""
    if _is_missing(value):
        return MISSING
    value = float(value)
    if value and abs(value) < 1e-3:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:,.0f}" if abs(value) >= 1000 or value.is_integer() else f"{value:.3g}"


def score(value: Any) -> str:
    """Return a score between 0 and 1 with two digits: 0.80."""
    return MISSING if _is_missing(value) else f"{value:.2f}"


def percent(value: Any, digits: int = 3) -> str:
    """Return a share as 4.5 %, with so many digits that matter."""
    return MISSING if _is_missing(value) else f"{float(f'{100 * value:.{digits}g}'):g} %"


def joined(values: Iterable[Any]) -> str:
    """Return the parts of a name as they are written, one after the other."""
    return " · ".join(MISSING if _is_missing(value) else str(value) for value in values)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value


def perturbations(table: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """Return the name of the perturbation of each row."""
    return [joined(row) for row in table[list(columns)].itertuples(index=False, name=None)]


def finite(value: Any) -> float | None:
    """Return a number that can be sorted by, or nothing."""
    return None if value is None or pd.isna(value) or not math.isfinite(value) else float(value)
