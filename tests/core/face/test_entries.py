"""The face: its names, and what a name or an argument that does not exist is answered."""

import pickle
import re

import numpydoc.docscrape
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ArgumentError, InputError, meant, one_of
from cellprofiling.core.face.aliases import ALIASES
from cellprofiling.core.face.entries import answering, entries
from cellprofiling.profiles.normalization import normalization

WELLS = pd.DataFrame({"Metadata_Plate": "P1", "Cells_AreaShape_Area": [9.0, 10, 11]})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("feature_select", "did you mean select_features? (pycytominer's feature_select is select_features here)"),
        ("pl", "did you mean plot? (scanpy's pl is plot here)"),
        ("normalise", "did you mean normalize?"),
        ("zzz", "cellprofiling.verbs() lists what there is"),
    ],
)
def test_a_name_that_does_not_exist_is_answered_with_ours(name, sentence):
    with pytest.raises(AttributeError, match=re.escape(sentence)):
        getattr(cpf, name)


@pytest.mark.parametrize("name", ALIASES)
def test_every_alias_is_answered_as_a_name_and_names_its_package(name):
    with pytest.raises(AttributeError, match=f"{ALIASES[name].package}'s {name} is .* here"):
        getattr(cpf, name)


def test_an_alias_leads_to_a_name_that_exists():
    """Our name is a verb, an argument of a verb, or a step of select_features."""
    verbs = {name for name in cpf.__all__ if name != "plot"}
    arguments = {p.name for verb in verbs for p in _parameters(verb)}
    steps = set(cpf.methods("select_features")["name"])
    for name, alias in ALIASES.items():
        assert set(alias.ours) <= verbs | arguments | steps | {"plot"}, name


def _parameters(verb):
    listed = numpydoc.docscrape.FunctionDoc(getattr(cpf, verb))["Parameters"]
    return [p._replace(name=name) for p in listed for name in p.name.lstrip("*").split(", ")]


@pytest.mark.parametrize(
    ("verb", "argument", "ours"),
    [
        ("normalize", "samples", "reference"),
        ("annotate", "join_on", "on"),
        ("aggregate", "strata", "by"),
        ("aggregate", "operation", "statistics"),
        ("select_features", "operation", "steps"),
        ("consensus", "operation", "method"),
        ("consensus", "replicate_columns", "by"),
        ("average_precision", "pos_sameby", "positives"),
        ("activity", "null_size", "permutations"),
        ("rank_hits", "threshold", "fdr"),
        ("embed", "random_state", "seed"),
        ("embed", "n_comps", "n_components"),
    ],
)
def test_an_argument_that_does_not_exist_is_answered_with_ours(verb, argument, ours):
    with pytest.raises(ArgumentError, match=rf"^{argument}=.*Did you mean '{ours}'\?") as caught:
        getattr(cpf, verb)(WELLS, **{argument: "x"})
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, InputError)


def test_a_misspelt_argument_of_a_verb_whose_methods_have_options():
    with pytest.raises(ArgumentError, match=r"referense='x': not an option .* Did you mean 'reference'\?"):
        cpf.normalize(WELLS, referense="x")
    with pytest.raises(ArgumentError, match=r"mad_scal=1: not an option .* Did you mean 'mad_scale'\?$"):
        cpf.normalize(WELLS, mad_scal=1)


def test_an_option_that_another_package_has_as_a_name_is_an_option():
    """scanpy's `scale` is a function; here it is an option of a method too."""
    taken = []
    answering(lambda profiles, **options: taken.append(options))(WELLS, scale=True)
    assert taken == [{"scale": True}]


@pytest.mark.parametrize(
    ("steps", "verb"), [(["variance_threshold"], "select_features"), ([{"drop_na_columns": {}}], "select_features")]
)
def test_a_step_that_does_not_exist_is_answered_with_ours(steps, verb):
    with pytest.raises(InputError, match=r"Did you mean '(variance|missing)'\? \(pycytominer's"):
        getattr(cpf, verb)(WELLS, steps)
    with pytest.raises(InputError, match=r"Did you mean 'select_features'\? \(pycytominer's feature_select"):
        cpf.run_steps(WELLS, ["feature_select"])


def test_a_word_of_another_package_without_a_name_of_ours_in_this_place_is_explained():
    with pytest.raises(InputError, match=r"choose one of 'a', 'b'\. \(scanpy's leiden is cluster\(method='leiden'\) "):
        one_of("method", "leiden", ["a", "b"])
    assert meant("bob", ["box"]) == ""
    assert meant(["strata"], ["by"]) == ""


def test_a_verb_of_the_face_is_the_verb_of_its_room():
    """With its signature, docstring and place in pickles; and the verb of the room is pickled as before."""
    assert cpf.normalize.__wrapped__ is normalization.normalize
    assert cpf.normalize.__doc__ == normalization.normalize.__doc__
    for verb in (cpf.normalize, normalization.normalize):
        assert pickle.loads(pickle.dumps(verb)) is verb


def test_each_name_has_a_file_a_page_and_a_question():
    for entry in entries():
        assert entry.path.is_file(), entry
        assert entry.question, entry
    assert [entry.name for entry in entries()] == cpf.__all__ == cpf.__dir__()
