"""The control audit: silent on noise, loud where position matters."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError
from cellprofiling.hits.calling import control_audit
from tests.builders import NEGCON


def audit(wells: pd.DataFrame, **options: object) -> pd.DataFrame:
    """Return the audit with layouts as the index."""
    return cpf.audit_controls(wells, reference=NEGCON, permutations=200, **options).set_index("layout")


def test_noise_is_rejected_at_the_nominal_rate(screen_of_noise: callable) -> None:
    """Without position effects both layouts reject about 5 %, and the interval holds the nominal rate."""
    found = audit(screen_of_noise(n_controls=24, fixed_layout=True, n_compounds=5))
    assert (found["ci_low"] <= 0.05).all()
    assert (found["ci_high"] >= 0.05).all()
    assert found["n"].tolist() == [24, 200]


def test_position_effect_is_found(screen_of_noise: callable) -> None:
    """Wells that resemble each other by their place: controls at one position are called active, others are not."""
    found = audit(screen_of_noise(n_controls=24, fixed_layout=True, position_effect=1.0, n_compounds=5))
    assert found.loc["same position", "rate"] > 0.5
    assert found.loc["different positions", "rate"] < 0.15


def test_random_layout_has_no_same_position(screen_of_noise: callable) -> None:
    """Where controls never share a position the audit says so and gives no rate."""
    found = audit(screen_of_noise(n_plates=2, n_controls=8))
    assert found.loc["same position", "n"] == 0
    assert np.isnan(found.loc["same position", "rate"])
    assert found.loc["same position", "message"].startswith("not audited")


def test_counts_add_up(screen_of_noise: callable) -> None:
    """The rate is what was counted, inside its interval."""
    found = audit(screen_of_noise(n_controls=12, n_compounds=4)).loc["different positions"]
    assert found["rate"] == found["rejected"] / found["n"]
    assert found["ci_low"] <= found["rate"] <= found["ci_high"]


def test_row_order_changes_nothing(screen_of_noise: callable) -> None:
    """Shuffled rows give the same audit."""
    wells = screen_of_noise(n_controls=12, n_compounds=4, fixed_layout=True)
    pd.testing.assert_frame_equal(audit(wells), audit(wells.sample(frac=1, random_state=2)))


def test_one_plate_is_audited_at_different_positions(screen_of_noise: callable) -> None:
    """On a single plate pseudo-compounds are several of its controls; there is no second plate to share a position."""
    found = audit(screen_of_noise(n_plates=1, n_controls=24), n_wells=3)
    assert found["n"].tolist() == [0, 200]
    assert found.loc["different positions", "rate"] < 0.15


def test_pseudo_compounds_spread_over_plates(screen_of_noise: callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five wells on two plates are three of one and two of the other, all at different positions."""
    seen = []

    def run_tests(_design, _settings, sets) -> list[dict]:
        seen.extend(sets)
        return [{"p_value": 1.0}] * len(sets)

    monkeypatch.setattr(control_audit, "run_tests", run_tests)
    wells = screen_of_noise(n_plates=2, n_controls=12)
    audit(wells, n_wells=5)
    for controls, (chosen,) in seen:
        assert sorted(wells.iloc[chosen].groupby("Metadata_Plate").size()) == [2, 3]
        assert wells["Metadata_Well"].iloc[chosen].is_unique
        assert len(controls) == 24 - 5


def test_bad_input_is_named(screen_of_noise: callable) -> None:
    """One well is no compound."""
    with pytest.raises(InputError, match=r"n_wells=1: not a whole number of at least 2"):
        audit(screen_of_noise(), n_wells=1)
