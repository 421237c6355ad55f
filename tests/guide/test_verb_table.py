"""The table of verbs."""

import subprocess
import sys
from pathlib import Path

import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError

DOCS = Path(cpf.__file__).parents[1] / "docs"


def test_every_name_of_the_face_has_a_row_with_the_first_line_of_its_docstring():
    table = cpf.verbs()
    assert list(table.columns) == ["verb", "sentence", "page", "question"]
    assert table["verb"].tolist() == cpf.__all__
    for verb, sentence in zip(table["verb"], table["sentence"], strict=True):
        assert sentence == getattr(cpf, verb).__doc__.strip().partition("\n")[0]


def test_every_page_is_there():
    assert {page for page in cpf.verbs()["page"] if not (DOCS / f"{page}.md").is_file()} == set()


def test_a_question_gives_its_verbs_and_a_word_those_that_hold_it():
    assert cpf.verbs("doses")["question"].unique().tolist() == ["doses"]
    assert cpf.verbs(" Doses ").equals(cpf.verbs("doses"))
    assert {"whiten", "fit_whitening"} <= set(cpf.verbs("whiten")["verb"])
    assert "rank_hits" in set(cpf.verbs("evidence")["verb"])


def test_a_question_that_nobody_answers_is_answered_with_those_there_are():
    with pytest.raises(InputError, match=r"question='dosis': .* 'hits', 'doses'.* Did you mean 'doses'\?"):
        cpf.verbs("dosis")
    with pytest.raises(InputError, match=r"question=3: give a word"):
        cpf.verbs(3)


def test_the_table_is_read_without_the_rooms():
    code = "import cellprofiling, sys; cellprofiling.verbs(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("cellprofiling.")}
    assert rooms == {"core", "guide"}
