"""The table of checks in the docs is made from the rules, and every rule is used."""

import sys
from pathlib import Path

from cellprofiling.quality.rules import load

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
from checks_table import markdown

QUALITY = Path(__file__).parents[2] / "cellprofiling" / "quality"


def test_each_rule_has_a_row_with_its_limits_and_source() -> None:
    rows = markdown(load().values()).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(load())
    low = next(row for row in rows if "`counts.control_low`" in row)
    assert "warn above 10 %, fail above 25 %" in low
    assert "minimum 20, relative 0.1" in low
    assert "only warns" in next(row for row in rows if "`replicates.share`" in row)
    assert "warns if skipped" in next(row for row in rows if "`design.controls`" in row)
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)


def test_each_rule_is_named_in_the_code() -> None:
    """A rule that no check uses is a promise nobody keeps."""
    code = "".join(path.read_text(encoding="utf-8") for path in QUALITY.rglob("*.py"))
    for name in load():
        group, _, last = name.partition(".")
        assert (
            f'"{name}"' in code
            or (f'f"{group}.' in code and f'"{last}"' in code)
            or f"_{last.rpartition('_')[2]}" in code
        ), name
