"""Readouts declared beforehand: judged like the count, one by one, against naive computation and planted truth."""

import re
import statistics
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.errors import FeatureError, InputError
from cellprofiling.quality.checks.tables.declared import declared_separation
from cellprofiling.quality.screen_quality import check_quality
from cellprofiling.simulate.faults.well_screen import simulate_wells
from tests.builders import NEGCON, POSCON
from tests.quality.planted import lines

Z_PRIME, SSMD = "controls.readout_z_prime", "controls.readout_ssmd"


@pytest.fixture(scope="module")
def wells():
    """Three plates with a readout that controls differ in by 40 SDs, one by 5, and one by nothing."""
    table = simulate_wells(plates=3, features=20, factors=10, seed=1)
    rng = np.random.default_rng(0)
    positive = table["Metadata_Role"] == "poscon"
    for name, shift in (("apart", 40.0), ("near", 5.0), ("alike", 0.0)):
        table[f"Nuclei_{name}"] = 1e3 + rng.normal(size=len(table)) - shift * positive
    return table


def declared(wells, *names, **given):
    return lines(declared_separation, wells, readouts=[f"Nuclei_{name}" for name in names], **given)


def naive(positive, negative):
    """Z' and SSMD in words of the standard library."""

    def middle(x):
        return statistics.median(x), 1.482602218505602 * statistics.median(abs(v - statistics.median(x)) for v in x)

    (c_p, s_p), (c_n, s_n) = middle(positive), middle(negative)
    return 1 - 3 * (s_p + s_n) / abs(c_p - c_n), abs(c_p - c_n) / (s_p**2 + s_n**2) ** 0.5


def test_values_equal_their_naive_twin(wells):
    found = declared(wells, "near").set_index(["id", "plate"])
    assert len(found) == 6
    for plate, table in wells.groupby("Metadata_Plate"):
        kinds = [table.loc[table["Metadata_Role"] == role, "Nuclei_near"].tolist() for role in ("poscon", "negcon")]
        for check, expected in zip((Z_PRIME, SSMD), naive(*kinds), strict=True):
            line = found.loc[(check, plate)]
            assert line["value"] == pytest.approx(expected, rel=1e-9)
            assert line["low"] < line["value"] < line["high"]
            assert line["n"] == 16


def test_what_was_planted_is_told(wells):
    found = declared(wells, "apart", "alike").set_index("id")
    of = found["message"].str.extract("of Nuclei_(apart|alike) on")[0]
    assert set(found.loc[of.eq("apart"), "status"]) == {"pass"}
    assert set(found.loc[of.eq("alike"), "status"]) == {"fail"}
    assert found["message"].str.endswith("It is one of 2 declared readouts.").all()
    assert declared(wells, "near")["message"].str.endswith("It is the only declared readout.").all()


def test_readouts_without_effect_never_pass(wells):
    """Ten plates of 16 positive and 32 negative wells that are alike: no Z' and no SSMD passes."""
    rng = np.random.default_rng(1)
    plates = pd.concat([wells[wells["Metadata_Plate"] == "Plate001"].assign(Metadata_Plate=f"P{i}") for i in range(10)])
    plates["Nuclei_alike"] = rng.normal(size=len(plates))
    assert set(declared(plates, "alike")["status"]) == {"fail"}


def test_the_side_on_which_positive_controls_lie_is_their_own_affair(wells):
    turned = wells.assign(Nuclei_near=-wells["Nuclei_near"])
    columns = ["id", "plate", "status", "n"]
    pd.testing.assert_frame_equal(declared(turned, "near")[columns], declared(wells, "near")[columns])
    np.testing.assert_allclose(declared(turned, "near")["value"], declared(wells, "near")["value"])


def test_four_wells_are_too_few_to_tell_and_missing_values_do_not_count(wells):
    few = wells.copy()
    for i, (_, plate) in enumerate(wells.groupby("Metadata_Plate")):
        spare = plate.index[plate["Metadata_Role"] == "poscon"][4 if i else 2 :]
        few.loc[spare, "Nuclei_apart"] = np.inf if i == 2 else np.nan
    found = declared(few, "apart")
    assert set(found["status"]) == {"inconclusive"}
    assert found["n"].tolist() == [2, 4, 4] * 2
    assert found["message"].str.contains("too few to tell").all()
    assert found["low"].notna().tolist() == [False, True, True] * 2


def test_a_constant_readout_is_inconclusive(wells):
    found = declared(wells.assign(Nuclei_near=np.where(wells["Metadata_Role"] == "poscon", 1.0, 2.0)), "near")
    assert set(found["status"]) == {"inconclusive"}


def test_nothing_declared_is_skipped(wells):
    for given in ({"readouts": None}, {"readouts": []}):
        found = lines(declared_separation, wells, **given)
        assert found["id"].tolist() == [Z_PRIME, SSMD]
        assert set(found["status"]) == {"skipped"}
        assert found["message"].str.startswith("No readouts were declared").all()
    assert set(declared(wells, "near", positive=None)["status"]) == {"skipped"}


def test_the_verdict_hears_a_declared_readout(wells):
    options = {"reference": NEGCON, "positive": POSCON}
    without = check_quality(wells, **options)
    both = check_quality(wells, readouts=["Nuclei_apart", "Nuclei_alike"], **options)
    assert (without.status, both.status) == ("pass", "fail")
    asked = both.checks[both.checks["id"].isin([Z_PRIME, SSMD])]
    assert set(asked["metric"]) == {
        f"robust {what} of Nuclei_{name}" for what in ("Z'", "SSMD") for name in ("apart", "alike")
    }
    rest = both.checks[~both.checks["id"].isin([Z_PRIME, SSMD])].reset_index(drop=True)
    theirs = without.checks[~without.checks["id"].isin([Z_PRIME, SSMD])].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, theirs)
    assert check_quality(wells, readouts="Nuclei_apart", **options).status == "pass"
    shuffled = wells.sample(frac=1, random_state=0)
    assert check_quality(shuffled, readouts=["Nuclei_apart", "Nuclei_alike"], **options).to_json() == both.to_json()


def test_each_readout_of_a_plate_has_its_own_case_in_junit(wells):
    found = check_quality(wells, reference=NEGCON, positive=POSCON, readouts=["Nuclei_apart", "Nuclei_near"])
    cases = [case.attrib for case in ElementTree.fromstring(found.to_junit()).iter("testcase")]
    names = [(case["classname"], case["name"]) for case in cases]
    assert len(set(names)) == len(names)
    assert (Z_PRIME, "Plate001: robust Z' of Nuclei_near") in names


@pytest.mark.parametrize(
    ("readouts", "error", "message"),
    [
        (
            ["Nuclei_neer"],
            FeatureError,
            "readouts='Nuclei_neer': no feature of that name; features are .* Did you mean",
        ),
        (["Metadata_Object_Count"], FeatureError, "readouts='Metadata_Object_Count': no feature of that name"),
        (["Nuclei_near", "Nuclei_near"], InputError, "'Nuclei_near' is named twice"),
        (3, InputError, "readouts=3: give names of features"),
        ([3], InputError, "give names of features"),
    ],
)
def test_bad_names_are_one_sentence(wells, readouts, error, message):
    with pytest.raises(error, match=message) as said:
        check_quality(wells, readouts=readouts, reference=NEGCON)
    assert not re.search(r"\n", str(said.value))
    with pytest.raises(FeatureError, match="the table has no features"):
        check_quality(wells.filter(like="Metadata_"), readouts=["Nuclei_near"])
