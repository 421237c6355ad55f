"""The gallery shows every figure."""

import re
from pathlib import Path

from cellprofiling import plot

PAGE = Path(__file__).parents[2] / "docs" / "gallery.md"


def test_the_gallery_shows_every_plot() -> None:
    """Each function of the face is called on the page, which the docs build runs."""
    called = set(re.findall(r"cpf\.plot\.(\w+)\(", PAGE.read_text(encoding="utf-8")))
    assert called == set(plot.__all__)
