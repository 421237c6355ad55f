"""Thresholds and waivers in a file, and when a verdict stops a pipeline."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from cellprofiling.core.errors import FileFormatError, one_of

WAIVERS = "waivers"
FAIL_ON: dict[str, tuple[str, ...]] = {
    "never": (),
    "fail": ("fail",),
    "warn": ("fail", "warn"),
    "inconclusive": ("fail", "warn", "inconclusive"),
}


def read_settings(path: str | PathLike[str]) -> tuple[dict[str, Any], list[Any]]:
    """Return the thresholds and the waivers of a YAML file: checks with their numbers, and a list `waivers`."""
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"thresholds={str(path)!r}: cannot be read ({error}).") from error
    except yaml.YAMLError as error:
        raise FileFormatError(f"thresholds={str(path)!r}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise FileFormatError(
            f"thresholds={str(path)!r}: expected checks with numbers, as in 'counts.control_low: {{warn: 0.2}}', and "
            "perhaps a list 'waivers'."
        )
    settings = dict(content)
    return settings, settings.pop(WAIVERS, None) or []


def stops(status: str, statuses: Iterable[str], fail_on: str) -> bool:
    """Return whether a verdict stops a pipeline.

    Parameters
    ----------
    status : the verdict.
    statuses : of the lines that decide.
    fail_on : "never"; "fail", a verdict of fail; "warn", also any line that warns; "inconclusive", all but a pass.
    """
    one_of("fail_on", fail_on, FAIL_ON)
    if fail_on == "inconclusive":
        return status != "pass"
    return status in FAIL_ON[fail_on] and (status == "fail" or bool({"fail", "warn"} & set(statuses)))
