"""The command line: words to verbs; it owns no logic."""

from cellprofiling.cli import cells, hits, qc, screens
from cellprofiling.cli.program import app, main

__all__ = ["app", "cells", "hits", "main", "qc", "screens"]
