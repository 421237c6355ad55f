"""Fits in files."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import FileFormatError
from cellprofiling.kernels.directions.whitening import Whitening, fit_whitening
from cellprofiling.profiles.fits import KINDS, _plain, _restored, load_fit

OLD = Path(__file__).parent / "data" / "fits_of_0_1_0"


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        -0.1 + 1e-17,
        "text",
        True,
        ("B1", 3),
        [("B1",), ("B2",)],
        {"Metadata_Role": ["negcon", "blank"]},
        np.arange(6.0).reshape(2, 3) / 7,
        np.zeros((0, 4)),
        np.array([1e300, -np.inf, np.nan]),
        np.array([True, False]),
        np.arange(3),
    ],
)
def test_every_value_comes_back_as_it_was(value):
    found = json.loads(json.dumps(_plain(value)), object_hook=_restored)
    if isinstance(value, np.ndarray):
        np.testing.assert_array_equal(found, value, strict=True)
        found[...] = 0  # and can be written to
    else:
        assert found == value
        assert type(found) is type(value)


def test_numbers_of_numpy_come_back_as_plain_ones():
    assert json.loads(json.dumps(_plain(np.int64(7)))) == 7


def test_a_record_within_a_record_comes_back():
    x = np.random.default_rng(0).normal(size=(9, 3))
    found = json.loads(
        json.dumps(_plain(fit_whitening(x, correlation=True, rotate_back=True, shrinkage=None))), object_hook=_restored
    )
    assert isinstance(found, Whitening)
    np.testing.assert_array_equal(
        found.apply(x), fit_whitening(x, correlation=True, rotate_back=True, shrinkage=None).apply(x)
    )


def test_every_kind_names_a_class_that_is_there():
    from importlib import import_module

    assert all(isinstance(getattr(import_module(module), name), type) for module, name in KINDS.values())


def test_a_damaged_fit_is_refused(tmp_path):
    file = tmp_path / "fit.json"
    for text in ('{"kind": "cellprofiling whitening"}', '{"kind": "cellprofiling whitening", "colour": 1}'):
        file.write_text(text)
        with pytest.raises(FileFormatError, match=r"cannot be read as a saved fit \(.*__init__"):
            load_fit(file)


@pytest.mark.parametrize("file", sorted(OLD.glob("*.json")), ids=lambda file: file.stem)
def test_fits_written_by_0_1_0_load_and_apply_as_they_did(file):
    """Modules have moved since; what a saved fit calls itself has not."""
    wells = pd.read_csv(OLD / "wells.csv")
    expected = pd.read_csv(file.with_suffix(".csv"))
    pd.testing.assert_frame_equal(load_fit(file).apply(wells), expected, rtol=1e-9, check_dtype=False)


def test_each_kind_has_a_fit_of_0_1_0():
    """A kind is a name in users' files: it is never renamed."""
    kinds = {kind for file in OLD.glob("*.json") for kind in re.findall(r'"kind": "([^"]+)"', file.read_text())}
    assert kinds == set(KINDS)
