"""Tables of the page: written out for print and for readers without scripts, and whole for sorting and export."""

import json
from dataclasses import dataclass
from typing import Any

KINDS = ("text", "code", "number", "status", "hit", "score", "name", "plate", "why")


@dataclass(frozen=True)
class Column:
    """A column: its heading, how its cells are written (one of KINDS), what it means, whether it shows at first."""

    head: str
    kind: str = "text"
    help: str = ""
    shown: bool = True


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Attributes
    ----------
    name : its id on the page, and the name of its file when it is saved.
    caption : what one row is, for readers who hear the page.
    rows : cells in the order of the columns. A cell is a text, or the parts of a cell: of a number its text, its value
        and perhaps a status; of a score its text, interval and the three places of its bar; of a reason its text,
        what stands below it and what stands behind a click.
    ids : an anchor for each row, or nothing.
    keys : for each row the number of the perturbation it is about, so that wells and rows find each other.
    quiet : rows in muted ink.
    footer : rows that stay below, whatever is sorted or filtered.
    written : how many rows stand in the page itself.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: list[list[Any]]
    filter: str = ""
    ids: tuple[str, ...] = ()
    keys: tuple[int, ...] = ()
    quiet: tuple[int, ...] = ()
    footer: tuple[list[Any], ...] = ()
    written: int = 50

    @property
    def record(self) -> dict[str, Any]:
        """All of the table, for the script of the page."""
        return {
            "columns": [[each.head, each.kind, each.help, each.shown] for each in self.columns],
            "rows": self.rows,
            "ids": list(self.ids),
            "keys": list(self.keys),
            "quiet": list(self.quiet),
        }


def embedded(value: Any) -> str:
    """Return JSON that can stand inside a script element: no name in it can end the element or start another."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
