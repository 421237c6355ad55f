"""Hits against quality: where they lie, and on which wells they rest."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from cellprofiling.quality.screen_quality import check_quality

NEGCON, BY = "Metadata_Role == 'negcon'", "Metadata_Compound"


def line(quality, check, scope="screen"):
    return quality.checks.query("id == @check and scope == @scope").iloc[0]


def hit_list(wells, names):
    compounds = sorted(set(wells[BY]) - {"DMSO"})
    return pd.DataFrame({BY: compounds, "hit": [name in set(names) for name in compounds]})


def checked(wells, hits, **options):
    return check_quality(wells, reference=NEGCON, by=BY, hits=hits, **options)


def test_hits_that_fill_a_column_warn_with_its_name_and_the_exact_p(clean) -> None:
    """Four plates of one layout are one piece of evidence: p is that of the 80 places, not of 320 wells."""
    one = clean[(clean["Metadata_Plate"] == "P00") & (clean["Metadata_Role"] == "treatment")]
    column = one["Metadata_Well"].str[1:] == "03"
    found = line(checked(clean, hit_list(clean, one.loc[column, BY])), "hits.position")
    assert found.status == "warn"
    n = int(column.sum())
    assert found.message.startswith(f"{n} of {n} wells at column 3 hold hits")
    p = fisher_exact([[n, 0], [0, 80 - n]], alternative="greater")[1]
    assert found.value == pytest.approx(p * 21, rel=1e-6)  # 8 rows, 12 columns and the edge


def test_hits_at_the_edge_warn_and_scattered_hits_do_not(clean) -> None:
    one = clean[(clean["Metadata_Plate"] == "P00") & (clean["Metadata_Role"] == "treatment")]
    edge = one["Metadata_Well"].str[0].isin(["A", "H"]) | one["Metadata_Well"].str[1:].isin(["01", "12"])
    found = line(checked(clean, hit_list(clean, one.loc[edge, BY])), "hits.position")
    assert found.status == "warn"
    assert "the edge" in found.message
    for seed in range(5):
        chosen = np.random.default_rng(seed).choice(one[BY], 20, replace=False)
        assert line(checked(clean, hit_list(clean, chosen)), "hits.position").status == "pass"


def test_without_hits_or_a_list_that_fits_it_is_skipped(clean) -> None:
    assert line(checked(clean, None), "hits.position").message.startswith("No hit list")
    assert line(checked(clean, hit_list(clean, [])), "hits.position").message == "There are no hits."
    assert line(checked(clean, hit_list(clean, [])), "hits.flagged").message == "There are no hits."
    other = hit_list(clean, ["c0-01"]).replace("c0-01", "x")
    assert "not those of the wells" in line(checked(clean, other), "hits.position").message
    renamed = hit_list(clean, ["c0-01"]).rename(columns={BY: "Metadata_Gene"})
    assert line(checked(clean, renamed), "hits.flagged").status == "skipped"
    bare = check_quality(clean, reference=NEGCON, hits=hit_list(clean, ["c0-01"]))
    assert "by=" in line(bare, "hits.position").message


@pytest.mark.parametrize(("n", "status"), [(0, "pass"), (3, "pass"), (4, "fail")])
def test_hits_on_copied_wells_are_counted(clean, n, status) -> None:
    """Of ten hits, 30 % with flagged wells are still on the good side; half of the wells of a hit are not most."""
    features = [f"Cells_f{i}" for i in range(30)]
    for i in range(n):
        wells = clean.index[clean[BY] == f"c0-{i:02d}"]
        clean.loc[wells[:3], features] = clean.loc[wells[3], features].to_numpy()
    half = clean.index[clean[BY] == "c0-09"][:2]
    clean.loc[half[0], features] = clean.loc[half[1], features].to_numpy()
    found = line(checked(clean, hit_list(clean, [f"c0-{i:02d}" for i in range(10)])), "hits.flagged")
    assert (found.status, found.value, found.n) == (status, n / 10, 10)


def test_few_cells_do_not_count_against_hits(clean) -> None:
    clean.loc[clean[BY].isin(["c0-00", "c0-01"]), "Metadata_Object_Count"] = 2
    found = line(checked(clean, hit_list(clean, ["c0-00", "c0-01"])), "hits.flagged")
    assert (found.status, found.value) == ("pass", 0)
