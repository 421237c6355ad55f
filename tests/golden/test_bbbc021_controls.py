"""Real control wells as pseudo-compounds: the test is calibrated, and position is what fools it.

DMSO wells of BBBC021 (Ljosa et al. 2013, https://doi.org/10.1177/1087057113503553): six a plate, the same six positions
on each of 55 plates.
"""

import pandas as pd
import pytest

import cellprofiling as cpf

pytestmark = pytest.mark.real
DMSO = "Metadata_Compound == 'DMSO'"
TREATMENT = ["Metadata_Compound", "Metadata_Concentration"]


@pytest.fixture(scope="module")
def scores(bbbc021: pd.DataFrame) -> pd.DataFrame:
    """Return the wells in standard deviations of the DMSO wells of their plate."""
    return cpf.normalize(bbbc021, "standardize", reference=DMSO)


def test_position_and_not_chance_calls_controls_active(scores: pd.DataFrame) -> None:
    """On the plates of compounds DMSO at different positions is called no more often than allowed, at one far more."""
    audit = cpf.audit_controls(scores, reference=DMSO, by=TREATMENT).set_index("layout")
    chance, position = audit.loc["different positions"], audit.loc["same position"]
    assert chance["n"] == 200
    assert chance["rate"] <= 0.08
    assert position["n"] > 80
    assert 0.12 < position["rate"] < 0.30
    assert position["ci_low"] > 0.08


def test_plates_of_other_weeks_hide_it(scores: pd.DataFrame) -> None:
    """Pseudo-compounds put together from any plates, which no compound is, still show position, but less of it."""
    anywhere = cpf.audit_controls(scores, reference=DMSO, n_wells=3).set_index("layout")
    alike = cpf.audit_controls(scores, reference=DMSO, by=TREATMENT, n_wells=3).set_index("layout")
    assert 0.05 < anywhere.loc["same position", "rate"] < alike.loc["same position", "rate"]
    assert anywhere.loc["different positions", "rate"] <= 0.08


def test_hit_list_says_so(scores: pd.DataFrame) -> None:
    """Every treatment keeps its position, each reason quotes the audit, and the position-matched p is coarse."""
    hits = cpf.rank_hits(scores, by=TREATMENT, reference=DMSO, permutations=2000)
    rate = hits.attrs["audit"][0]["rate"]
    assert hits["same_position"].mean() > 0.9
    told = hits.loc[hits["same_position"], "reason"]
    assert told.str.contains(f"of controls at one position, {rate:.0%} are called too").all()
    of_three = hits[hits["same_position"] & (hits["n_wells"] == 3)]
    assert of_three["position_p_floor"].max() < 0.02
    strong = of_three[of_three["q_value"] <= 0.05]
    assert (strong["position_p"] <= 0.05).mean() > 0.5
