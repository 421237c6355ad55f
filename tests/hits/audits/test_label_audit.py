"""The audit of wells: a swap is named, noise is not."""

import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, InputError
from cellprofiling.hits.audits.label_audit import label_sentence

PLACE = ["Metadata_Plate", "Metadata_Well"]


@pytest.fixture
def wells(screen_of_noise: callable) -> pd.DataFrame:
    """Return a screen whose first ten compounds have an effect, one well of each on each of five plates."""
    return screen_of_noise(n_plates=5, effect=2.0)


def test_swapped_wells_name_each_other(wells: pd.DataFrame) -> None:
    """Of two wells whose labels were exchanged each names the other; the sentence names both."""
    assert "no swapped wells" in label_sentence(cpf.audit_labels(wells, by="Metadata_Compound", alpha=0.001))
    pair = wells.index[(wells["Metadata_Plate"] == "P3") & wells["Metadata_Compound"].isin(["c001", "c015"])]
    swapped = wells.copy()
    swapped.loc[pair, "Metadata_Compound"] = wells.loc[pair[::-1], "Metadata_Compound"].to_numpy()
    audit = cpf.audit_labels(swapped, by="Metadata_Compound", alpha=0.001)
    assert audit.index[audit["verdict"] == "swapped"].tolist() == list(pair)
    assert audit.loc[pair, "swap_well"].tolist() == wells.loc[pair[::-1], "Metadata_Well"].tolist()
    assert "on plate P3" in label_sentence(audit)
    assert list(audit.columns[:3]) == [*PLACE, "Metadata_Compound"]


def test_wells_without_a_name_are_one_kind(wells: pd.DataFrame) -> None:
    """Controls may be named or have no name: the audit is the same."""
    named = cpf.audit_labels(wells, by="Metadata_Compound")
    bare = wells.assign(Metadata_Compound=wells["Metadata_Compound"].where(wells["Metadata_Role"] != "negcon"))
    pd.testing.assert_series_equal(cpf.audit_labels(bare, by="Metadata_Compound")["swap_z"], named["swap_z"])


def test_one_plate_cannot_tell(wells: pd.DataFrame) -> None:
    """Without a second plate nothing says what a well should hold."""
    audit = cpf.audit_labels(wells[wells["Metadata_Plate"] == "P0"], by="Metadata_Compound")
    assert (audit["verdict"] == "cannot tell").all()
    assert "cannot tell" in label_sentence(audit)


def test_bad_input_is_named(wells: pd.DataFrame) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(InputError, match=r"alpha=2: not a number between 0 and 1"):
        cpf.audit_labels(wells, by="Metadata_Compound", alpha=2)
    with pytest.raises(InputError, match=r"by=None: not the name of a column"):
        cpf.audit_labels(wells, by=None)
    with pytest.raises(ColumnError, match=r"by='Metadata_Drug': no such column"):
        cpf.audit_labels(wells, by="Metadata_Drug")
