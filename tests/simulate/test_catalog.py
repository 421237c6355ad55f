"""The columns of a simulated screen are names that CellProfiler writes, in its units."""

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.names import kinds, parse_features
from cellprofiling.simulate.catalog import COMPARTMENTS, DNA_CONTENT, catalog
from cellprofiling.simulate.marginals import MARGINALS
from cellprofiling.simulate.panel import panel

NAMES = [name for family in catalog() for name in family.measures]


def test_names_are_unique_and_all_are_morphology():
    assert len(set(NAMES)) == len(NAMES)
    assert set(kinds(NAMES)) == {"morphology"}


def test_the_grammar_reads_from_a_name_the_block_it_was_made_for():
    parsed = parse_features(NAMES).set_index("name")
    for family in catalog():
        for name in family.measures:
            parts = parsed.loc[name, ["compartment", "group", "channel"]].dropna()
            channels = "|".join(sorted(parts.iloc[2].split("|"))) if len(parts) == 3 else None
            assert "/".join(filter(None, [*parts.iloc[:2], channels])) == family.block


@pytest.mark.real
def test_real_cellprofiler_output_has_every_name(real_data):
    folder = "cellprofiler_formats/pycytominer_collate/BR00121431-A01-1"
    real = set()
    for compartment in COMPARTMENTS:
        table = pd.read_csv(real_data(f"{folder}/{compartment}.csv.gz"), nrows=1)
        real |= {f"{compartment}_{column}" for column in table}
    assert set(NAMES) <= real


@pytest.mark.real
def test_units_are_those_of_real_cells(real_data):
    folder = "cellprofiler_formats/pycytominer_collate/BR00121431-A01-1"
    tables = [
        pd.read_csv(real_data(f"{folder}/{compartment}.csv.gz")).add_prefix(f"{compartment}_")
        for compartment in COMPARTMENTS
    ]
    real = pd.concat(tables, axis=1).median(numeric_only=True)
    columns = panel(230)
    ratio = columns.median / real[list(columns.names)].to_numpy()
    assert np.median(ratio) == pytest.approx(1, abs=0.25)
    assert np.mean((ratio > 1 / 4) & (ratio < 4)) > 0.9  # channels differ in brightness, the simulator's do not


@pytest.mark.parametrize("n", [1, 48, 100, 230, 500, len(NAMES)])
def test_the_first_columns_hold_the_groups_in_proportion(n):
    names = panel(n).names
    assert len(names) == n
    assert list(names) == sorted(names)
    assert DNA_CONTENT in names
    share = {group: count / n for group, count in Counter(name.split("_")[1] for name in names).items()}
    usual = {"Intensity": 0.26, "Texture": 0.26, "Granularity": 0.13, "RadialDistribution": 0.13, "Correlation": 0.13}
    if 48 <= n <= 230:
        assert all(abs(share[group] - expected) < 0.06 for group, expected in usual.items())


def test_the_usual_screen_has_every_compartment_group_and_channel_once():
    blocks = [block.split("/") for block in panel(229).blocks]
    for compartment, group, channel in itertools.product(
        COMPARTMENTS, ["Intensity", "Texture", "Granularity", "RadialDistribution"], ["AGP", "DNA", "ER", "Mito", "RNA"]
    ):
        assert [compartment, group, channel] in blocks
    assert len(blocks) == 3 * 4 * 5 + 3 * 10 + 3 + 1  # with pairs of channels, three shapes, and the neighbors


def test_more_columns_keep_the_first_ones():
    assert set(panel(48).names) < set(panel(230).names) < set(panel(500).names)


def test_medians_leave_room_below_for_shapes_that_stay_positive():
    lowest = np.full((1, 1), -40.0)
    for family in catalog():
        for median, sd in family.measures.values():
            x = MARGINALS[family.marginal](lowest, np.array([median]), np.array([sd]))
            if family.marginal not in ("texture", "correlation"):
                assert x[0, 0] >= 0
