"""What is asked of every plate alike: part of the fingerprint of each result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellprofiling.core.columns import PLATE, refuse_mask
from cellprofiling.core.errors import InputError, listed


@dataclass(frozen=True)
class Settings:
    """How each plate is aggregated.

    Attributes
    ----------
    reading : the format and options with which the cells were opened.
    flag_cells : whether cells of poor quality are flagged and left out first.

    The others are the arguments of `aggregate`.
    """

    by: tuple[str, ...]
    statistics: str | tuple[str, ...]
    features: tuple[str, ...] | None
    min_cells: int
    exclude: str | Mapping[str, Any] | None
    flag_cells: bool
    reading: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {name: _plain(value) for name, value in vars(self).items()}


def checked(
    by: str | Sequence[str],
    statistics: str | Sequence[str],
    features: Sequence[str] | None,
    min_cells: int,
    exclude: Any,
    flag_cells: bool,
    reading: Mapping[str, Any],
) -> Settings:
    """Return the settings, or say what cannot be done plate by plate."""
    keys = (by,) if isinstance(by, str) else tuple(by)
    if PLATE not in keys:
        raise InputError(f"by={listed(keys)}: name {PLATE!r} too; each plate is aggregated on its own.")
    refuse_mask(exclude, "exclude", example="Metadata_QC_Flagged", what="plates")
    if flag_cells and exclude is not None:
        raise InputError(
            f"flag_cells=True, exclude={exclude!r}: give one; flag_cells leaves out the cells that it flags."
        )
    return Settings(
        keys,
        statistics if isinstance(statistics, str) else tuple(statistics),
        None if features is None else tuple(features),
        min_cells,
        exclude,
        flag_cells,
        dict(reading),
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        return value.item()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
