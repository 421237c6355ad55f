"""Position effects taken out of profiles."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import ColumnError, FeatureError, InputError, PlateLayoutError, ReferenceRowsError
from cellprofiling.core.plates import parse_wells, well_names
from cellprofiling.profiles.position.position_methods import METHODS
from tests import naive
from tests.builders import NEGCON

FEATURES = [f"Cells_f{i}" for i in range(12)]
OPTIONS = {
    "control_surface": {"reference": NEGCON},
    "median_polish": {},
    "loess": {},
    "well_mean": {"perturbation": "Metadata_Compound"},
}


def screen(n_plates=12, n_wells=96, n_controls=24, fixed=False, seed=0, position=1.0, effects=0.0):
    """Return plates with a position effect; compounds lie anywhere, or always in the same well.

    The effect of the compound comes with it, one row per well.
    """
    rng = np.random.default_rng(seed)
    names = np.array(well_names(n_wells))
    wells = parse_wells(names)
    shape = wells.row.max(), wells.column.max()
    place = np.column_stack(
        [wells.row / shape[0] - 0.5, (wells.column / shape[1] - 0.5) ** 2, wells.edge_distance() == 0]
    )
    shared = rng.normal(size=(3, len(FEATURES)))
    spots = rng.permutation(n_wells)
    compound_effect = rng.normal(size=(n_wells, len(FEATURES))) * effects
    frames, truths = [], []
    for plate in range(n_plates):
        spots = spots if fixed else rng.permutation(n_wells)
        compound = np.full(n_wells, -1)
        compound[spots[n_controls:]] = np.arange(n_wells - n_controls)
        shift = position * place @ (shared + 0.3 * rng.normal(size=shared.shape))
        truth = np.where(compound[:, None] >= 0, compound_effect[compound], 0.0)
        x = 10.0 * plate + shift + truth + rng.normal(size=shift.shape) * 0.3
        frame = pd.DataFrame(x, columns=FEATURES)
        frame.insert(0, "Metadata_Plate", f"P{plate:02d}")
        frame.insert(1, "Metadata_Well", names)
        frame.insert(2, "Metadata_Compound", [f"c{i}" if i >= 0 else "DMSO" for i in compound])
        frame.insert(3, "Metadata_Role", np.where(compound < 0, "negcon", "treatment"))
        frame.insert(4, "Metadata_Batch", f"B{plate % 2}")
        frames.append(frame)
        truths.append(truth)
    return pd.concat(frames, ignore_index=True), np.concatenate(truths)


def leveled(values, plates):
    """Return values less the mean of their plate."""
    frame = pd.DataFrame(np.asarray(values))
    return (frame - frame.groupby(plates.to_numpy()).transform("mean")).to_numpy()


def position_left(wells, corrected, truth):
    """Return the variance of what is neither noise nor treatment."""
    rest = leveled(corrected[FEATURES] - truth, wells["Metadata_Plate"])
    noise = 0.3**2
    return (rest**2).mean() - noise


@pytest.mark.parametrize("method", METHODS)
def test_position_is_taken_out(method):
    wells, truth = screen()
    before = position_left(wells, wells, truth)
    assert before > 0.1
    assert position_left(wells, cpf.correct_position(wells, method, **OPTIONS[method]), truth) < 0.35 * before


@pytest.mark.parametrize("n_wells", [96, 384, 1536])
@pytest.mark.parametrize("method", METHODS)
def test_plates_of_96_to_1536_wells_with_some_missing(method, n_wells):
    wells, truth = screen(n_plates=10, n_wells=n_wells, n_controls=n_wells // 4)
    wells = wells[FEATURES[:2]].join(wells.filter(like="Metadata"))
    kept = np.random.default_rng(1).random(len(wells)) > 0.02
    wells, truth = wells[kept], truth[kept]
    options = OPTIONS[method] | ({"min_plates": 5} if method == "well_mean" else {})
    corrected = cpf.correct_position(wells, method, **options)
    rest = leveled(corrected[FEATURES[:2]] - truth[:, :2], wells["Metadata_Plate"])
    raw = leveled(wells[FEATURES[:2]] - truth[:, :2], wells["Metadata_Plate"])
    assert rest.var() - 0.3**2 < 0.6 * (raw.var() - 0.3**2)


def test_with_a_fixed_layout_the_control_surface_keeps_treatments():
    wells, truth = screen(fixed=True, effects=1.0)
    treated = (wells["Metadata_Role"] == "treatment").to_numpy()
    corrected = cpf.correct_position(wells, reference=NEGCON)
    kept = leveled(corrected[FEATURES], wells["Metadata_Plate"])[treated].ravel()
    assert np.corrcoef(kept, truth[treated].ravel())[0, 1] > 0.9


def test_with_a_fixed_layout_well_mean_refuses_and_would_remove_the_treatment():
    wells, truth = screen(fixed=True, effects=1.0)
    message = (
        r"method='well_mean': 72 of 73 perturbations of the table \(99%\) lie in one position on all plates, and at "
        r"most 80% may.*Choose 'control_surface'"
    )
    with pytest.raises(PlateLayoutError, match=message):
        cpf.correct_position(wells, "well_mean", perturbation="Metadata_Compound")
    treated = (wells["Metadata_Role"] == "treatment").to_numpy()
    forced = cpf.correct_position(wells, "well_mean", perturbation="Metadata_Compound", max_fixed=1.0)
    rest = leveled(forced[FEATURES], wells["Metadata_Plate"])[treated].ravel()
    assert abs(np.corrcoef(rest, truth[treated].ravel())[0, 1]) < 0.3


def test_without_a_position_effect_the_surface_leaves_values_alone():
    wells, _ = screen(n_plates=4, n_controls=16, position=0.0)
    corrected = cpf.correct_position(wells, reference=NEGCON)
    moved = (corrected[FEATURES] - wells[FEATURES]).to_numpy()
    assert moved.var() < 0.1 * 0.3**2
    plain = cpf.correct_position(wells, reference=NEGCON, ridge=0)
    assert (plain[FEATURES] - wells[FEATURES]).to_numpy().var() > 0.3 * 0.3**2


@pytest.mark.parametrize("ridge", [None, 0, 5.0])
def test_controls_keep_their_mean(ridge):
    wells, _ = screen(n_plates=3)
    corrected = cpf.correct_position(wells, reference=NEGCON, ridge=ridge)
    for frame in (wells, corrected):
        frame["Metadata_Control"] = frame["Metadata_Role"] == "negcon"
    keys = ["Metadata_Plate", "Metadata_Control"]
    means = [frame.groupby(keys)[FEATURES].mean().xs(True, level=1) for frame in (wells, corrected)]
    np.testing.assert_allclose(means[1], means[0], rtol=1e-9)


def test_only_controls_decide_the_surface():
    wells, _ = screen(n_plates=2)
    spoiled = wells.copy()
    treated = wells["Metadata_Role"] == "treatment"
    spoiled.loc[treated, FEATURES] += 1e3 * np.random.default_rng(0).normal(size=(treated.sum(), 12))
    moved = [(cpf.correct_position(w, reference=NEGCON)[FEATURES] - w[FEATURES]) for w in (wells, spoiled)]
    np.testing.assert_allclose(moved[1], moved[0], atol=1e-9)


def test_surface_without_penalty_is_least_squares():
    wells, _ = screen(n_plates=1)
    corrected = cpf.correct_position(wells, reference=NEGCON, ridge=0)
    at = parse_wells(wells["Metadata_Well"])
    r, c = 2 * at.row / 7 - 1, 2 * at.column / 11 - 1
    design = np.column_stack([np.ones(96), r, c, r * c, r**2, c**2, at.edge_distance() == 0])
    controls = (wells["Metadata_Role"] == "negcon").to_numpy()
    x = wells[FEATURES].to_numpy()
    fitted = design @ np.linalg.lstsq(design[controls], x[controls], rcond=None)[0]
    np.testing.assert_allclose(corrected[FEATURES], x - fitted + fitted[controls].mean(axis=0), rtol=1e-9)


def test_plates_with_few_controls_share_the_surface_of_their_batch():
    wells, truth = screen(n_controls=6)
    few = r"the 6 reference wells of Metadata_Plate 'P00' lie in \d rows and \d columns; at least 16 wells in 4 rows"
    with pytest.raises(PlateLayoutError, match=few + r".*Those of all 12 plates together lie in 8 rows and 12 columns"):
        cpf.correct_position(wells, reference=NEGCON)
    corrected = cpf.correct_position(wells, reference=NEGCON, pool_by="Metadata_Batch")
    assert position_left(wells, corrected, truth) < 0.5 * position_left(wells, wells, truth)


def test_controls_in_two_columns_are_refused_with_the_numbers():
    wells, _ = screen(n_plates=2)
    column = parse_wells(wells["Metadata_Well"]).column
    wells["Metadata_Role"] = np.where(column < 2, "negcon", "treatment")
    message = (
        r"method='control_surface': the 16 reference wells of Metadata_Plate 'P00' lie in 8 rows and 2 columns; at "
        r"least 16 wells in 4 rows and 4 columns are needed .* Take more wells as reference, or, if most wells are "
        r"inactive, choose 'median_polish'"
    )
    with pytest.raises(PlateLayoutError, match=message):
        cpf.correct_position(wells, reference=NEGCON)
    with pytest.raises(PlateLayoutError, match=r"method='loess': the 16 reference wells"):
        cpf.correct_position(wells, "loess", reference=NEGCON)
    with pytest.raises(PlateLayoutError, match=r"lie in 8 rows and 2 columns"):
        cpf.correct_position(wells, reference=NEGCON, pool_by="Metadata_Batch")


def test_a_surface_that_is_extrapolated_is_written_down():
    wells, _ = screen(n_plates=1)
    row = parse_wells(wells["Metadata_Well"]).row
    wells["Metadata_Role"] = np.where((row < 5) & (np.arange(96) % 2 == 0), "negcon", "treatment")
    told = cpf.ledger(cpf.correct_position(wells, reference=NEGCON))
    assert told[["item", "name", "n"]].to_numpy().tolist() == [["plate", "Metadata_Plate 'P00'", 36 + 5]]
    assert told["reason"][0] == "wells beyond the rows and columns of the reference: the surface is extrapolated there"


def test_b_score_equals_a_naive_median_polish():
    wells, _ = screen(n_plates=3, n_wells=384, n_controls=32, effects=2.0)
    scores = cpf.correct_position(wells.sample(frac=1, random_state=0), "median_polish", scale=True).sort_index()
    for _, plate in wells.groupby("Metadata_Plate"):
        for name in FEATURES[:4]:
            grid = plate[name].to_numpy().reshape(16, 24)
            overall, row, column = naive.median_polish(grid)
            rest = grid - overall - np.array(row)[:, None] - np.array(column)
            expected = rest / (1.4826 * np.median(np.abs(rest - np.median(rest))))
            ours = scores.loc[plate.index, name].to_numpy().reshape(16, 24)
            centered = expected - np.median(expected) + np.median(ours)
            np.testing.assert_allclose(ours, centered, atol=1e-9)
            np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_without_scale_the_plate_keeps_its_level():
    wells, _ = screen(n_plates=2)
    corrected = cpf.correct_position(wells, "median_polish")
    levels = corrected.groupby("Metadata_Plate")["Cells_f0"].median()
    assert levels["P01"] - levels["P00"] == pytest.approx(10, abs=0.5)


def test_b_scores_without_spread_are_dropped_with_a_line():
    wells, _ = screen(n_plates=2)
    row = parse_wells(wells["Metadata_Well"]).row
    wells["Cells_f0"] = 3.0 * row
    scores = cpf.correct_position(wells, "median_polish", scale=True)
    assert "Cells_f0" not in scores
    assert cpf.ledger(scores)["reason"].tolist() == ["no spread left on some plate to divide by"]
    with pytest.raises(FeatureError, match=r"'Cells_f0' have no spread left on some plate once rows and columns"):
        cpf.correct_position(wells, "median_polish", scale=True, features=["Cells_f0"])


def test_median_polish_refuses_thin_rows_doubled_wells_and_rows_of_one_treatment():
    wells, _ = screen(n_plates=1)
    thin = wells[~wells["Metadata_Well"].isin([f"B{c:02d}" for c in range(3, 13)])]
    with pytest.raises(
        PlateLayoutError, match=r"row B of Metadata_Plate 'P00' has 2 wells .* rows: 1 of 8\), and 4 are"
    ):
        cpf.correct_position(thin, "median_polish")
    doubled = pd.concat([wells, wells.iloc[[3]]])
    with pytest.raises(PlateLayoutError, match=r"wells 'A04' of Metadata_Plate 'P00' have several rows"):
        cpf.correct_position(doubled, "median_polish")
    column = parse_wells(wells["Metadata_Well"]).column
    filled = wells.assign(Metadata_Compound=np.where(column == 4, "poscon", wells["Metadata_Compound"]))
    message = r"one perturbation holds 8 of the 8 wells in column 5 of Metadata_Plate 'P00'.*at most 50% may be alike"
    with pytest.raises(PlateLayoutError, match=message):
        cpf.correct_position(filled, "median_polish", perturbation="Metadata_Compound")


def test_well_mean_needs_names_and_many_plates():
    wells, _ = screen(n_plates=4)
    with pytest.raises(InputError, match=r"perturbation=None: 'well_mean' takes away what wells of one position share"):
        cpf.correct_position(wells, "well_mean")
    message = r"min_plates=10: no position of the table has reference wells on more than 4 plates"
    with pytest.raises(InputError, match=message):
        cpf.correct_position(wells, "well_mean", perturbation="Metadata_Compound")
    some = wells[~((wells["Metadata_Well"] == "C07") & (wells["Metadata_Plate"] == "P01"))]
    corrected = cpf.correct_position(some, "well_mean", perturbation="Metadata_Compound", min_plates=4)
    told = cpf.ledger(corrected)
    assert told["name"].tolist() == ["C07"]
    assert told["reason"].tolist() == ["not corrected: reference wells there on fewer than 4 plates"]
    there = some["Metadata_Well"] == "C07"
    pd.testing.assert_frame_equal(corrected.loc[there, FEATURES], some.loc[there, FEATURES])


def test_well_mean_pools_by_batch():
    wells, _ = screen(n_plates=4)
    options = {"perturbation": "Metadata_Compound", "min_plates": 2}
    pooled = cpf.correct_position(wells, "well_mean", pool_by="Metadata_Batch", **options)
    first = wells[wells["Metadata_Batch"] == "B0"]
    alone = cpf.correct_position(first, "well_mean", **options)
    pd.testing.assert_frame_equal(pooled.loc[first.index, FEATURES], alone[FEATURES])


@pytest.mark.parametrize("method", METHODS)
def test_order_of_rows_and_columns_and_names_of_plates_do_not_matter(method):
    wells, _ = screen()
    expected = cpf.correct_position(wells, method, **OPTIONS[method])
    order = np.random.default_rng(0).permutation(len(wells))
    moved = wells.iloc[order, ::-1]
    moved = moved.assign(Metadata_Plate=moved["Metadata_Plate"].map(lambda name: "x" + name[::-1]))
    found = cpf.correct_position(moved, method, **OPTIONS[method]).sort_index()
    pd.testing.assert_frame_equal(found[FEATURES], expected[FEATURES], rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_input_index_dtype_and_missing_values_stay(method):
    wells, _ = screen()
    wells.index = wells.index + 1000
    wells[FEATURES] = wells[FEATURES].astype(np.float32)
    wells.loc[[1003, 1100, 1101], "Cells_f3"] = np.nan
    before = wells.copy(deep=True)
    corrected = cpf.correct_position(wells, method, **OPTIONS[method])
    pd.testing.assert_frame_equal(wells, before)
    assert corrected.index.equals(wells.index)
    assert list(corrected.columns) == list(wells.columns)
    assert set(corrected[FEATURES].dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(corrected[FEATURES].isna(), wells[FEATURES].isna())
    others = [name for name in FEATURES if name != "Cells_f3"]
    if method != "control_surface":  # whose shrinkage is estimated from all features together
        alone = cpf.correct_position(wells, method, features=others, **OPTIONS[method])
        pd.testing.assert_frame_equal(alone[others], corrected[others], rtol=1e-5)


def test_what_cannot_be_used_is_named():
    wells, _ = screen(n_plates=1)
    with pytest.raises(
        InputError, match=r"method='surface': choose one of 'control_surface', 'median_polish', 'loess'"
    ):
        cpf.correct_position(wells, "surface")
    with pytest.raises(ReferenceRowsError, match=r"reference=None: 'control_surface' is fitted on negative controls"):
        cpf.correct_position(wells)
    with pytest.raises(InputError, match=r"pool_by='Metadata_Batch': 'loess' takes each plate by itself; 'control_sur"):
        cpf.correct_position(wells, "loess", pool_by="Metadata_Batch")
    with pytest.raises(InputError, match=r"span=0.5: not an option of 'median_polish'"):
        cpf.correct_position(wells, "median_polish", span=0.5)
    with pytest.raises(InputError, match=r"degree=3: 'loess' fits planes"):
        cpf.correct_position(wells, "loess", degree=3)
    with pytest.raises(InputError, match=r"span=2: 'loess' needs the share"):
        cpf.correct_position(wells, "loess", span=2)
    with pytest.raises(InputError, match=r"ridge=-1: 'control_surface' needs a number of at least 0, or None"):
        cpf.correct_position(wells, reference=NEGCON, ridge=-1)
    with pytest.raises(ColumnError, match=r"well='Metadata_well': no such column"):
        cpf.correct_position(wells, reference=NEGCON, well="Metadata_well")
    with pytest.raises(PlateLayoutError, match=r"Metadata_Well: well='Q'"):
        cpf.correct_position(wells.assign(Metadata_Well="Q"), reference=NEGCON)
    gaps = wells.assign(Cells_f1=np.where(np.arange(96) < 90, np.nan, 1.0))
    with pytest.raises(FeatureError, match=r"'Cells_f1' have \d values in the reference wells of Metadata_Plate 'P00'"):
        cpf.correct_position(gaps, reference=NEGCON)


@pytest.mark.parametrize("method", ["control_surface", "median_polish", "loess"])
def test_a_plate_named_by_two_columns_is_one_plate(method):
    """Each replicate of each plate is by itself, as with one column that joins both names."""
    wells, _ = screen(n_plates=4)
    wells["Metadata_Replicate"] = wells["Metadata_Plate"].map({"P00": 1, "P01": 2, "P02": 1, "P03": 2})
    two = wells.assign(Metadata_Plate=wells["Metadata_Plate"].map({"P00": "A", "P01": "A", "P02": "B", "P03": "B"}))
    by_two = cpf.correct_position(two, method, by=["Metadata_Plate", "Metadata_Replicate"], **OPTIONS[method])
    by_one = cpf.correct_position(wells, method, by="Metadata_Plate", **OPTIONS[method])
    pd.testing.assert_frame_equal(by_two[FEATURES], by_one[FEATURES])


INNER = {name for name in well_names(384) if name[0] in "BCDEFGHI" and 2 <= int(name[1:]) <= 13}


@pytest.fixture
def inner():
    """The inner wells of 384-well plates, moved by row and column, the outermost of them by an edge of their own."""
    rng = np.random.default_rng(4)
    names = sorted(INNER)
    at = parse_wells(names)
    x = rng.normal(size=(2 * len(names), 6)) + 3.0 * np.tile(at.row == at.row.min(), 2)[:, None]
    table = pd.DataFrame(x, columns=FEATURES[:6])
    table.insert(0, "Metadata_Plate", np.repeat(["P1", "P2"], len(names)))
    table.insert(1, "Metadata_Well", names * 2)
    return table.assign(Metadata_Role="negcon")


def test_the_format_of_plates_can_be_given_and_a_guess_is_said(inner):
    """Wells of one part of a plate do not say how large it is, and its edge decides the surface."""
    guess = cpf.correct_position(inner, reference=NEGCON, ridge=0.0)
    told = cpf.ledger(guess).query("item == 'plate'")["reason"].tolist()
    assert any("taken for 384-well plates: no well lies in the first row" in reason for reason in told)
    assert any("say plate_format=384" in reason for reason in told)
    given = cpf.correct_position(inner, reference=NEGCON, ridge=0.0, plate_format=384)
    assert not cpf.ledger(given)["reason"].str.contains("plate_format").any()
    pd.testing.assert_frame_equal(given, guess)  # the remedy, as it is written
    larger = cpf.correct_position(inner, reference=NEGCON, ridge=0.0, plate_format=1536)
    np.testing.assert_allclose(larger[FEATURES[:6]], given[FEATURES[:6]], atol=1e-9)  # no well of it lies at an edge
    audit = cpf.audit_position(inner, reference=NEGCON, permutations=19)
    assert cpf.ledger(audit)["reason"].str.contains("say plate_format=384").any()
    audit = cpf.audit_position(inner, reference=NEGCON, permutations=19, plate_format=384)
    assert not cpf.ledger(audit)["reason"].str.contains("plate_format").any()


def test_the_format_tells_which_wells_lie_at_the_edge():
    """A full 96-well plate has an edge; the same wells as a part of a larger plate have half of it."""
    plate = screen(n_plates=1, n_controls=96)[0]
    whole = cpf.correct_position(plate, reference=NEGCON, ridge=0.0)
    assert not cpf.ledger(whole)["reason"].str.contains("plate_format").any()
    part = cpf.correct_position(plate, reference=NEGCON, ridge=0.0, plate_format=384)
    assert not np.allclose(part[FEATURES], whole[FEATURES])


def test_a_format_that_does_not_hold_the_wells_is_refused(inner):
    with pytest.raises(PlateLayoutError, match=r"plate_format=96: wells 'B13'.* lie outside such a plate"):
        cpf.correct_position(inner, "median_polish", plate_format=96)
    with pytest.raises(PlateLayoutError, match=r"plate_format=100: not the number of wells of a standard plate"):
        cpf.audit_position(inner, reference=NEGCON, plate_format=100)
    steps = [{"correct_position_if_needed": {"reference": "@reference", "plate_format": "@plate_format"}}]
    with pytest.raises(PlateLayoutError, match=r"steps, 1 .*: plate_format=96: wells"):
        cpf.run_steps(inner, steps, reference=NEGCON, plate_format=96)
