"""Results that are no tables show themselves in a few lines, and safely."""

import re

import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.views import MOST_FACTS, Facts, Shown, span
from tests.builders import NEGCON

EVIL = '"><img src=x onerror=alert(1)><script>'


class Many(Shown):
    def facts(self) -> Facts:
        return [(EVIL, f"{EVIL}\n{'long ' * 100}"), *((f"fact {i}", "x") for i in range(30))]


def test_text_is_short_and_aligned() -> None:
    said = repr(Many()).splitlines()
    assert said[0] == "Many"
    assert len(said) == MOST_FACTS + 1
    assert said[-1].endswith("and 17 more")
    assert max(map(len, said)) < 300
    assert len({line.rindex("x") for line in said[2:-1]}) == 1


def test_html_is_small_and_escaped() -> None:
    page = Many()._repr_html_()
    assert page.count("<tr>") == MOST_FACTS
    assert len(page) < 4000
    assert not re.search("<script|<img|<style|onerror=alert.1.>", page.replace("&gt;", ""))
    assert "&lt;img src=x" in page


def test_spans() -> None:
    assert (span([]), span([3]), span([3, 3]), span([1000, 3])) == ("", "3", "3", "3 to 1,000")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    screen = cpf.simulate_screen("easy", plates=2, compounds=12, controls=12, cells_per_well=5, features=30)
    wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    wells["Metadata_Batch"] = wells["Metadata_Plate"].map({"Plate01": EVIL, "Plate02": "b"})
    folder = screen.write(tmp_path_factory.mktemp("screen"))
    return {
        "screen": screen,
        "truth": screen.truth,
        "cells": cpf.open_cells(folder / "cells"),
        "normalization": cpf.fit_normalization(wells, reference=NEGCON, by="Metadata_Batch", zero_scale="keep"),
        "whitening": cpf.fit_whitening(wells, reference=NEGCON),
        "selection": cpf.fit_selection(wells),
        "batch": cpf.fit_batch_correction(
            wells, "combat", batch="Metadata_Batch", by="Metadata_Compound", reference=NEGCON
        ),
        "quality": cpf.check_quality(wells.drop(columns="Metadata_Batch"), reference=NEGCON),
    }


NAMES = ["screen", "truth", "cells", "normalization", "whitening", "selection", "batch", "quality"]


@pytest.mark.parametrize("name", NAMES)
def test_every_result_has_a_short_view(results: dict[str, object], name: str) -> None:
    """No array is listed, no name of a group is taken for markup, and there is neither style nor script."""
    text, page = repr(results[name]), results[name]._repr_html_()  # type: ignore[attr-defined]
    assert len(text) < 1500
    assert "array(" not in text
    assert len(page) < 8000
    assert page.count("<tr>") <= 16
    assert not re.search("<script|<img|<style|<link", page)


def test_what_is_said_is_true(results: dict[str, object]) -> None:
    screen, selection = results["screen"], results["selection"]
    assert f"12, {int(screen.truth.compounds['active'].sum())} of them active" in repr(screen)  # type: ignore[attr-defined]
    dropped = [int(n) for n in re.findall(r"(\d+) dropped", repr(selection))]
    assert sum(dropped) == len(selection.dropped)  # type: ignore[attr-defined]
    assert "2 groups of Metadata_Batch" in repr(results["normalization"])
    assert "12 of the reference in a group" in repr(results["normalization"])


def test_a_mask_is_called_one() -> None:
    wells = pd.DataFrame({"Cells_AreaShape_Area": [9.0, 10, 11, 15]})
    fit = cpf.fit_normalization(wells, by=None, reference=[True, True, True, False], method="standardize")
    assert re.search(r"reference +a mask", repr(fit))
    assert re.search(r"groups +all rows", repr(fit))
