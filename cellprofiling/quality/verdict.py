"""One verdict from many checks, and the record that carries both."""

import html
import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core.errors import one_of
from cellprofiling.core.frame import PLATE
from cellprofiling.io.files import atomic
from cellprofiling.quality.rules import STATUSES, Check, Rule

SCHEMA = "cellprofiling.quality/1"


def roll_up(lines: Iterable[Check]) -> str:
    """Return the verdict on the screen: pass, warn or fail."""
    deciding = [line for line in lines if line.level != "well"]
    statuses = {line.status for line in deciding}
    silent = any(line.status == "skipped" and line.rule.essential for line in deciding)
    if "fail" in statuses:
        return "fail"
    return "warn" if silent or statuses & {"warn", "inconclusive"} or "pass" not in statuses else "pass"


def worst(statuses: Iterable[str], otherwise: str) -> str:
    """Return the worst of the statuses, or `otherwise` if there are none."""
    return min(statuses, key=STATUSES.index, default=otherwise)


@dataclass(frozen=True, repr=False)
class Quality:
    """
    What the checks of a screen found; returned by `check_quality`.

    Parameters
    ----------
    lines : tuple of Check
        One line per check and plate, and one per well that stands out.
    keys : pandas.DataFrame
        Metadata_Plate and Metadata_Well of the wells that were looked at, in their order.
    rules : tuple of Rule
        The limits that were used.
    unremarkable : str
        What a well is called that stands out in nothing: "pass", or "skipped" if its cells were not counted.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]})
    >>> wells["Metadata_Object_Count"] = [90, 3]
    >>> cpf.check_quality(wells).flags("well")
      Metadata_Plate Metadata_Well Metadata_QC_status Metadata_QC_reasons
    0             P1           A01               pass
    1             P1           A02               warn      low cell count
    """

    lines: tuple[Check, ...]
    keys: pd.DataFrame
    rules: tuple[Rule, ...]
    unremarkable: str = "pass"

    @property
    def status(self) -> str:
        """The verdict: pass, warn or fail."""
        return roll_up(self.lines)

    @property
    def checks(self) -> pd.DataFrame:
        """One row per check and plate, and one per well that stands out."""
        return pd.DataFrame([_row(line) for line in self.lines])

    def flags(self, level: str = "well") -> pd.DataFrame:
        """
        Return what the checks say about each well or plate.

        Parameters
        ----------
        level : str, default "well"
            Either "well": one row per row of the table that was checked, in its order and with its index; or "plate":
            one row per plate, sorted.

        Returns
        -------
        pandas.DataFrame
            Metadata_Plate, Metadata_Well (of wells), Metadata_QC_status and Metadata_QC_reasons: what stands out,
            separated by "; ". What is said of a plate is not repeated for its wells.

        Raises
        ------
        InputError
            If `level` is neither.

        Examples
        --------
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": ["P1", "P2"], "Metadata_Well": "A01"})
        >>> wells["Metadata_Object_Count"] = [90, 0]
        >>> cpf.check_quality(wells).flags("plate")
          Metadata_Plate Metadata_QC_status Metadata_QC_reasons
        0             P1               pass
        1             P2               fail  counts.empty_plate
        """
        one_of("level", level, ("well", "plate"))
        table = self.keys
        if level == "plate":
            table = table[[PLATE]].drop_duplicates().sort_values(PLATE, ignore_index=True)
        said: dict[tuple[str, ...], list[Check]] = {}
        for line in self.lines:
            if line.level == level:
                said.setdefault((line.plate, line.well)[: table.shape[1]], []).append(line)
        about = [said.get(key, []) for key in table.itertuples(index=False, name=None)]
        otherwise = self.unremarkable if level == "well" else "skipped"
        statuses = [worst((line.status for line in lines), otherwise) for lines in about]
        return table.assign(Metadata_QC_status=statuses, Metadata_QC_reasons=[_reasons(lines) for lines in about])

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """
        Return the verdict and all checks as JSON, and write them to a file if a path is given.

        Parameters
        ----------
        path : path-like or None, default None
            Where to write.

        Returns
        -------
        str
            The text: keys sorted, missing numbers null, the same bytes for the same checks.

        Examples
        --------
        >>> import json
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]})
        >>> json.loads(cpf.check_quality(wells).to_json())["schema"]
        'cellprofiling.quality/1'
        """
        text = json.dumps(self._record(), sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        if path is not None:
            with atomic(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return text

    def write(self, folder: str | PathLike[str]) -> Path:
        """
        Write quality.json and checks.csv into a folder.

        Parameters
        ----------
        folder : path-like
            Made if it does not exist.

        Returns
        -------
        pathlib.Path
            The folder.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sorted(path.name for path in cpf.check_quality(wells).write(folder).iterdir())
        ['checks.csv', 'quality.json']
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.to_json(folder / "quality.json")
        with atomic(folder / "checks.csv") as temporary:
            self.checks.to_csv(temporary, index=False)
        return folder

    def __repr__(self) -> str:
        counts = Counter(line.status for line in self.lines if line.level != "well")
        found = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
        return f"Quality(status={self.status!r}: {found})"

    def _repr_html_(self) -> str:
        shown = [line for line in self.lines if line.level != "well" and line.status in PROBLEMS]
        shown = sorted(shown, key=lambda line: STATUSES.index(line.status))[:15]
        cells = ((line.status, line.rule.id, line.scope, line.message, line.rule.remedy) for line in shown)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
        head = "".join(f"<th>{name}</th>" for name in ("status", "check", "scope", "message", "remedy"))
        return f"<p><b>{html.escape(repr(self))}</b></p><table><tr>{head}</tr>{body}</table>"

    def _record(self) -> dict[str, Any]:
        rows = [{key: _json_value(value) for key, value in _row(line).items()} for line in self.lines]
        counts = {status: sum(row["status"] == status for row in rows if row["level"] != "well") for status in STATUSES}
        plates = Counter(self.flags("plate")["Metadata_QC_status"])
        flagged = int(self.flags("well")["Metadata_QC_reasons"].ne("").sum())
        return {
            "schema": SCHEMA,
            "status": self.status,
            "summary": {"checks": counts, "plates": dict(plates), "wells": len(self.keys), "wells_flagged": flagged},
            "thresholds": {
                rule.id: {**rule.numbers(), "worse": rule.worse, "source": rule.source} for rule in self.rules
            },
            "checks": rows,
        }


PROBLEMS = ("fail", "warn", "inconclusive")


def _row(line: Check) -> dict[str, Any]:
    return {
        "id": line.rule.id,
        "level": line.level,
        "scope": line.scope,
        "metric": line.rule.metric,
        "value": line.value,
        "ci_low": line.ci_low,
        "ci_high": line.ci_high,
        "n": line.n,
        "status": line.status,
        "threshold": line.limit or line.rule.limits,
        "source": line.rule.source,
        "message": line.message,
        "remedy": line.rule.remedy if line.status in PROBLEMS else "",
    }


def _reasons(lines: Iterable[Check]) -> str:
    return "; ".join(dict.fromkeys(line.rule.flag or line.rule.id for line in lines if line.status in PROBLEMS))


def _json_value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
