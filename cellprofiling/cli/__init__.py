"""The command line: words to verbs; it owns no logic."""

from cellprofiling.cli import cells, hit_list, quality, screens
from cellprofiling.cli.program import app, main

__all__ = ["app", "cells", "hit_list", "main", "quality", "screens"]
