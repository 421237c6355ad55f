"""The methods of all verbs: their records, and the docstrings, docs and choices that must say the same."""

import inspect
import re
from pathlib import Path

import numpydoc.docscrape
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from cellprofiling.guide.method_tables import TABLES, all_records, records

ROOT = Path(cpf.__file__).parent
ARGUMENTS = [(verb, argument) for verb, tables in TABLES.items() for argument in tables]
DOI = re.compile(r"10\.\d{4,}/\S+[^\s,;.]")


@pytest.mark.parametrize(("verb", "argument"), [pair for pair in ARGUMENTS if pair[1] not in ("", "steps")])
def test_the_docstring_lists_the_names_of_the_table(verb, argument):
    """All of them and no others; the first is the default, of methods and models, if there is one."""
    documented = {p.name: p for p in numpydoc.docscrape.FunctionDoc(getattr(cpf, verb))["Parameters"]}
    listed = re.match(r"\{(.*)\}", documented[argument].type)
    text = listed[1] if listed else " ".join(documented[argument].desc)
    names = set(re.findall(r'"(\w+)"', text))
    table = records(verb, argument)
    assert names == set(table) if listed else set(table) <= names
    default = inspect.signature(getattr(cpf, verb)).parameters[argument].default
    assert argument == "metric" or default in (next(iter(table)), inspect.Parameter.empty)


@pytest.mark.parametrize(("verb", "argument"), [pair for pair in ARGUMENTS if pair[1] in ("", "steps")])
def test_the_docstring_holds_the_names_of_the_table(verb, argument):
    text = " ".join((getattr(cpf, "select_features" if argument else verb).__doc__).split())
    assert [name for name in records(verb, argument) if name not in text] == []


def test_every_method_has_a_sentence_and_options_that_can_be_chosen():
    for verb, method in all_records():
        assert re.fullmatch(r"[A-Z].*\.", method.sentence), (verb, method.name)
        assert method.chosen({}) == method.options
        assert set(method.choices) <= set(method.options)


def test_every_reference_has_the_doi_that_stands_in_a_docstring():
    """A paper is cited where its method is computed, and nowhere is a DOI made up."""
    lines = [line for path in ROOT.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    written = " ".join(line for line in lines if '"' not in line)  # docstrings, not the records themselves
    for verb, method in all_records():
        for doi in DOI.findall(method.reference):
            assert doi in written, (verb, method.name, doi)
        assert not method.reference or "https://doi.org/10." in method.reference


def test_the_table_of_a_verb_and_of_all():
    one, every = cpf.methods("normalize"), cpf.methods()
    assert list(one.columns) == ["name", "sentence", "options", "reference"]
    assert list(every.columns) == ["verb", *one.columns]
    assert every[every["verb"] == "normalize"].drop(columns="verb").reset_index(drop=True).equals(one)
    assert not every.duplicated(["verb", "name"]).any()
    assert len(every) == len(list(all_records())) > 60


def test_a_verb_without_methods_is_answered_with_those_that_have_some():
    with pytest.raises(InputError, match=r"verb='normalise': choose one of 'normalize'.*Did you mean 'normalize'\?"):
        cpf.methods("normalise")
