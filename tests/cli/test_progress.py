"""What a terminal shows of progress, and that nothing else shows any."""

import io

import pytest
from rich.console import Console

from cellprofiling.cli.progress import Bar, Status, speeds
from cellprofiling.core.progress import Progress

HALF = Progress("P1", 1, 2, 1_000_000, 500_000_000)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_for_terminals(terminal):
    text = io.StringIO()
    with Bar("cells to wells", Console(file=text, force_terminal=terminal, width=120)) as bar:
        bar(HALF)
        bar(Progress("P2", 2, 2, 2_000_000, 1_000_000_000))
    shown = text.getvalue()
    if not terminal:
        assert shown == ""
    else:
        assert "cells to wells" in shown
        assert "2/2" in shown
        assert "cells/s" in shown
        assert "MB/s" in shown


def test_speeds():
    assert speeds(HALF, 2.0) == ", 500,000 cells/s, 250.0 MB/s"
    assert speeds(Progress("P1", 1, 2, 0, 500_000_000), 2.0) == ", 250.0 MB/s"
    assert speeds(Progress(None, 1, 2, 1_000, 0), 2.0) == ", 500 cells/s"
    assert speeds(Progress("P1", 1, 2, 0, 0), 2.0) == ""


def test_a_status_counts_plates(monkeypatch):
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    monkeypatch.setattr("cellprofiling.cli.progress.Console", lambda **_: console)
    with Status() as status:
        status("cells to wells")
        status.count(HALF)
        assert "cells to wells: 1 of 2 plates" in str(status.status.status)
    assert "cells to wells" in text.getvalue()
