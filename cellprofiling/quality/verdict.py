"""One verdict from many checks: the verdict, the table, flags, files."""

import html
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import one_of
from cellprofiling.io.storage.files import atomic
from cellprofiling.io.tables import write_profiles
from cellprofiling.quality.actions import act
from cellprofiling.quality.record import junit, record, roll_up, row
from cellprofiling.quality.rules import PROBLEMS, STATUSES, Check, Rule
from cellprofiling.quality.settings import stops
from cellprofiling.quality.summary import summarize
from cellprofiling.quality.waivers import Waiver

SHOWN = 15  # rows of the view in a notebook


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
    waivers : tuple of Waiver
        What was waived, expired waivers too.
    order : tuple of str
        The plates in the order in which they were acquired, as far as it is known.

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
    waivers: tuple[Waiver, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """The verdict: pass, warn or fail."""
        return roll_up(self.lines)

    @property
    def checks(self) -> pd.DataFrame:
        """One row per check and plate, and one per well that stands out."""
        return pd.DataFrame([row(line) for line in self.lines])

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
            separated by "; ". What is said of a plate is not repeated for its wells. What was waived does not count; a
            plate whose checks fail only where failing is no gate (edges, drift) is "warn", as in the verdict.

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
        >>> cpf.check_quality(wells).flags("plate")["Metadata_QC_status"][1]
        'fail'
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
        statuses = [worst(map(_flag, lines), otherwise) for lines in about]
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
        'cellprofiling.quality/2'
        """
        found = record(self.lines, self.rules, self.waivers, self.flags("plate"), self.flags("well"), self.order)
        text = json.dumps(found, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        return _written(text, path)

    def to_junit(self, path: str | PathLike[str] | None = None) -> str:
        """
        Return the checks as JUnit XML, which continuous integration reads, and write them to a file if a path is given.

        Parameters
        ----------
        path : path-like or None, default None
            Where to write.

        Returns
        -------
        str
            The text: a suite for each check, a case for each plate or the screen. A fail is a failure; what is
            inconclusive, skipped or waived is skipped and says why; a warning passes and speaks in its output.

        Examples
        --------
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A01"]})
        >>> xml = cpf.check_quality(wells).to_junit()
        >>> '<testcase classname="inputs.duplicate_wells" name="screen" time="0">' in xml
        True
        """
        return _written(junit(self.lines, self.status), path)

    def stops(self, fail_on: str = "fail") -> bool:
        """
        Return whether a pipeline should stop here.

        Parameters
        ----------
        fail_on : {"never", "fail", "warn", "inconclusive"}, default "fail"
            At what: a verdict of fail; also any check that warns; all but a pass.

        Returns
        -------
        bool
            Whether it should.

        Raises
        ------
        InputError
            If `fail_on` is none of these.

        Examples
        --------
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A01"]})
        >>> cpf.check_quality(wells).stops()
        True
        """
        return stops(self.status, [line.status for line in self.lines if line.decides], fail_on)

    def apply(self, table: pd.DataFrame, action: str = "drop", *, plate: str = PLATE, well: str = WELL) -> pd.DataFrame:
        """
        Return a table of wells without those that fail, or with their features blanked, or with flags.

        Parameters
        ----------
        table : pandas.DataFrame
            One row per well: the table that was checked, or profiles made from it.
        action : {"drop", "mask", "flag"}, default "drop"
            Leave failed wells out; set their features to missing; or only add Metadata_QC_status and
            Metadata_QC_reasons to all.
        plate, well : str
            Columns that say where a well lies.

        Returns
        -------
        pandas.DataFrame
            Rows in their order. Failed are wells whose status is "fail" and all wells of plates whose status is; a
            treated well with few cells only warns, and stays. The ledger names each plate and well with the reasons.

        Raises
        ------
        InputError
            If `action` is none of these.
        ColumnError
            If a column is missing.
        KeyMatchError
            If no well of the table was checked.

        Notes
        -----
        A well that was not checked stays; its flag is "skipped". What was waived does not fail.

        Examples
        --------
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": ["P1", "P2"], "Metadata_Well": "A01"})
        >>> wells["Metadata_Object_Count"] = [90, 0]
        >>> kept = cpf.check_quality(wells).apply(wells)
        >>> kept["Metadata_Plate"].tolist()
        ['P1']
        >>> cpf.ledger(kept)[["step", "item", "name", "n"]]
              step   item name  n
        0  quality  plate   P2  1
        """
        return act(table, action, self.flags("well"), self.flags("plate"), plate, well)

    def write(self, folder: str | PathLike[str]) -> Path:
        """
        Write quality.json, the checks and the flags as tables, and junit.xml into a folder.

        Parameters
        ----------
        folder : path-like
            Made if it does not exist.

        Returns
        -------
        pathlib.Path
            The folder.

        Notes
        -----
        Each file is written whole or not at all.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sorted(path.name for path in cpf.check_quality(wells).write(folder).iterdir())
        ['checks.csv', 'checks.parquet', 'flags_plates.parquet', 'flags_wells.parquet', 'junit.xml', 'quality.json']
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        checks = self.checks
        write_profiles(self.flags("well"), folder / "flags_wells.parquet")
        write_profiles(self.flags("plate"), folder / "flags_plates.parquet")
        write_profiles(checks, folder / "checks.parquet")
        with atomic(folder / "checks.csv") as temporary:
            checks.to_csv(temporary, index=False)
        self.to_junit(folder / "junit.xml")
        self.to_json(folder / "quality.json")
        return folder

    def summary(self) -> list[str]:
        """
        Return the verdict in about ten lines of text.

        Returns
        -------
        list of str
            What was looked at, the worst problems, what was not checked, and last the verdict.

        Examples
        --------
        >>> import pandas as pd
        >>> import cellprofiling as cpf
        >>> wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A01"]})
        >>> cpf.check_quality(wells).summary()[-1]
        'verdict       FAIL: not to be relied on yet'
        """
        return summarize(self.status, self.problems, self.lines, self.flags("well"))

    def __repr__(self) -> str:
        deciding = Counter(line.status for line in self.lines if line.decides)
        found = [f"{deciding[status]} {status}" for status in STATUSES if deciding[status]]
        waived = sum(bool(line.waived) for line in self.lines)
        head = f"Quality(status={self.status!r}: {', '.join([*found, *([f'{waived} waived'] if waived else [])])})"
        worst = [f"  {line.shown}: {line.message}" for line in self.problems[:5]]
        further = len(self.problems) - len(worst)
        return "\n".join([head, *worst, *([f"  and {further} more problems in .checks"] if further > 0 else [])])

    @property
    def problems(self) -> list[Check]:
        """The lines about plates and the screen that fail, warn or are inconclusive, worst first, waived ones last."""
        found = [line for line in self.lines if line.level != "well" and line.status in PROBLEMS]
        return sorted(found, key=lambda line: (bool(line.waived), STATUSES.index(line.status), not line.rule.gate))

    def _repr_html_(self) -> str:
        cells = (
            (line.shown, line.rule.id, line.scope, line.message, line.rule.remedy) for line in self.problems[:SHOWN]
        )
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in each) + "</tr>" for each in cells)
        head = "".join(f"<th>{name}</th>" for name in ("status", "check", "scope", "message", "remedy"))
        more = f"<p>and {len(self.problems) - SHOWN} more in .checks</p>" if len(self.problems) > SHOWN else ""
        title = html.escape(repr(self).splitlines()[0])
        return f"<p><b>{title}</b></p><table><tr>{head}</tr>{body}</table>{more}"


def _flag(line: Check) -> str:
    """Return what a line makes of its well or plate: a plate fails where the screen would."""
    if line.waived:
        return "pass"
    return "warn" if line.status == "fail" and line.level == "plate" and not line.rule.gate else line.status


def _written(text: str, path: str | PathLike[str] | None) -> str:
    if path is not None:
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return text


def _reasons(lines: Iterable[Check]) -> str:
    names = (
        (line.rule.flag or line.rule.id) + (" (waived)" if line.waived else "")
        for line in lines
        if line.status in PROBLEMS
    )
    return "; ".join(dict.fromkeys(names))
