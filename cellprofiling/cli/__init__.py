"""The command line: words to verbs; it owns no logic."""

from cellprofiling.cli import cells, screens
from cellprofiling.cli.program import app, main

__all__ = ["app", "cells", "main", "screens"]
