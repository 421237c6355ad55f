"""The wells of a screen as the page carries them: where they lie, what they hold, and some numbers of each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellprofiling.core.columns import COUNT, PLATE, WELL, is_metadata, require, rows
from cellprofiling.core.errors import CellProfilingError, InputError
from cellprofiling.core.names import parse_features
from cellprofiling.core.plates import parse_wells, plate_shape, standard_wells
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.plates.polish import median_polish
from cellprofiling.report.record.collect import plate_order
from cellprofiling.report.record.sources import Sources
from cellprofiling.report.record.words import number, perturbations

KINDS = ("treatment", "control", "hit")
CHANNELS = 5  # mean intensities, one per channel
STRENGTH = "Profile strength"
MANY, MORE, MOST = 20_000, 100_000, 200_000  # wells above which values are rounded, fewer are kept, points are drawn
DRAWN = 100_000


@dataclass(frozen=True)
class Metric:
    """A number of each well, and what rows and columns of its plate explain of it.

    Attributes
    ----------
    name : what it is called on the page.
    values : shape (n_wells,).
    effects : shape (n_plates, 1 + n_rows + n_columns): the overall value, then rows, then columns.
    low, high : the limits of its color scale, the same for all plates.
    spread : the limit of the color scale of residuals, around zero.
    """

    name: str
    values: Doubles
    effects: Doubles
    low: float
    high: float
    spread: float


@dataclass(frozen=True)
class Wells:
    """All wells, in the order of their plates; `absent` says why there is no picture of them.

    Attributes
    ----------
    plates, names : what the codes in `plate` and `name` stand for: plates in their order, and perturbations.
    shape : rows and columns of a plate.
    kind : 0 a treated well, 1 a control, 2 a well of a hit.
    place : row times columns, plus column.
    x, y : the embedding, missing where a well is not in it; `axes` names the two.
    drawn : the wells that are points in the embedding, if not all of them.
    notices : what was left out or rounded, and why.
    """

    plates: list[str]
    names: list[str]
    shape: tuple[int, int]
    plate: Indices
    place: Indices
    name: Indices
    kind: Indices
    metrics: list[Metric]
    axes: tuple[str, str] | None = None
    x: Doubles | None = None
    y: Doubles | None = None
    drawn: Indices | None = None
    notices: tuple[str, ...] = ()

    @property
    def codes(self) -> dict[str, int]:
        """The number of each perturbation."""
        return {name: code for code, name in enumerate(self.names)}


def gather_wells(sources: Sources) -> Wells | str:
    """Return the wells, or why they cannot be drawn."""
    try:
        return _gather(sources)
    except CellProfilingError as error:
        return str(error)


def _gather(sources: Sources) -> Wells:
    table = sources.wells
    require(table, [PLATE, WELL], "wells")
    keys = _keys(table)
    if len(doubled := keys[keys.duplicated()]):
        first = " ".join(doubled.iloc[0])
        raise InputError(f"{number(len(doubled))} rows claim a well that another has, {first} the first")
    plates = plate_order(sources)
    order = np.lexsort([_places(keys[WELL])[0], pd.Categorical(keys[PLATE], categories=plates).codes])
    table, keys = table.iloc[order], keys.iloc[order]
    place, shape = _places(keys[WELL])
    plate = pd.Categorical(keys[PLATE], categories=plates).codes.astype(np.intp)
    name, names, kind = _contents(sources, table)
    metrics = [
        _metric(words, values, plate, place, len(plates), shape) for words, values in _values(sources, table, keys)
    ]
    axes, x, y = _coordinates(sources, keys)
    drawn, notices = _sampled(len(table), x, kind)
    return Wells(plates, names, shape, plate, place, name, kind, metrics, axes, x, y, drawn, notices)


def _keys(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({PLATE: table[PLATE].astype(str), WELL: standard_wells(table[WELL])}).set_axis(table.index)


def _places(names: pd.Series) -> tuple[Indices, tuple[int, int]]:
    wells = parse_wells(names, WELL)
    shape = plate_shape(wells.format)
    return wells.row * shape[1] + wells.column, shape


def _contents(sources: Sources, table: pd.DataFrame) -> tuple[Indices, list[str], Indices]:
    """Return what each well holds: the code of its perturbation, the names of the codes, and its kind."""
    kind = np.zeros(len(table), dtype=np.intp)
    known = bool(sources.names) and set(sources.names) <= set(table.columns)
    texts = perturbations(table, sources.names) if known else [""] * len(table)
    name, names = pd.factorize(pd.Series(texts), sort=True)
    if known:
        hits = perturbations(sources.hits[sources.called], sources.names)
        kind[np.isin(np.asarray(texts, dtype=object).astype(str), hits)] = KINDS.index("hit")
    try:
        if sources.reference is not None:
            kind[rows(table, sources.reference)] = KINDS.index("control")
    except CellProfilingError:
        pass  # the figure of the controls says so
    return name.astype(np.intp), [str(each) for each in names], kind


def _values(sources: Sources, table: pd.DataFrame, keys: pd.DataFrame) -> list[tuple[str, Doubles]]:
    """Return the numbers that can be looked at, the most useful first; fewer for very many wells."""
    found: list[tuple[str, Doubles]] = []
    if COUNT in table.columns:
        found.append(("Cells per well", _floats(table[COUNT])))
    if sources.profiles is not None and {PLATE, WELL} <= set(sources.profiles.columns):
        found.append((STRENGTH, _matched(_strength(sources.profiles), sources.profiles, keys)))
    if len(table) <= MORE:
        found += [(name, _floats(table[name])) for name in _intensities(table)]
    return [(name, values) for name, values in found if np.isfinite(values).any()]


def _intensities(table: pd.DataFrame) -> list[str]:
    """Return one feature per channel: the mean intensity in the first compartment that has it."""
    features = [name for name in table.columns if not is_metadata(name) and pd.api.types.is_numeric_dtype(table[name])]
    parsed = parse_features(features)
    mean = parsed[(parsed["measure"].astype(str).str.lower() == "meanintensity") & parsed["channel"].notna()]
    return mean.drop_duplicates("channel")["name"].head(CHANNELS).tolist()


def _strength(profiles: pd.DataFrame) -> Doubles:
    """Return the root of the mean square of each profile: in steps of the controls, where they scaled it."""
    columns = [name for name in profiles.columns if not is_metadata(name)]
    total, n = np.zeros(len(profiles)), np.zeros(len(profiles))
    for name in columns:  # by column, so that a large table is not copied
        values = _floats(profiles[name])
        known = np.isfinite(values)
        total[known] += values[known] ** 2
        n += known
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(total / n)


def _matched(values: Doubles, table: pd.DataFrame, keys: pd.DataFrame) -> Doubles:
    """Return values of another table for these wells; missing where it lacks a well."""
    index = pd.MultiIndex.from_frame(_keys(table))
    if index.has_duplicates:
        return np.full(len(keys), np.nan)
    at = index.get_indexer(pd.MultiIndex.from_frame(keys))
    return np.where(at < 0, np.nan, values[at])


def _metric(
    name: str, values: Doubles, plate: Indices, place: Indices, n_plates: int, shape: tuple[int, int]
) -> Metric:
    n_rows, n_columns = shape
    grids = np.full((n_plates, n_rows * n_columns), np.nan)
    grids[plate, place] = np.where(np.isfinite(values), values, np.nan)
    fit = median_polish(grids.reshape(n_plates, n_rows, n_columns).transpose(1, 2, 0))
    effects = np.hstack([fit.overall[:, None], fit.row.T, fit.column.T])
    effects = np.where(np.isfinite(effects), effects, 0.0)
    fitted = effects[plate, 0] + effects[plate, 1 + place // n_columns]
    residuals = values - fitted - effects[plate, 1 + n_rows + place % n_columns]
    low, high = _limits(values, (0.01, 0.99))
    return Metric(name, values, effects, low, high, max(_limits(np.abs(residuals), (0.0, 0.99))[1], 1e-9))


def _limits(values: Doubles, quantiles: tuple[float, float]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, quantiles) if len(known) else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1)


def _coordinates(sources: Sources, keys: pd.DataFrame) -> tuple[tuple[str, str] | None, Doubles | None, Doubles | None]:
    table = sources.embedding
    if table is None or not {PLATE, WELL} <= set(table.columns):
        return None, None, None
    names = [name for name in table.columns if not is_metadata(name) and pd.api.types.is_numeric_dtype(table[name])]
    if len(names) < 2:
        return None, None, None
    x, y = (_matched(_floats(table[name]), table, keys) for name in names[:2])
    if not (np.isfinite(x) & np.isfinite(y)).any():
        return None, None, None
    return (str(names[0]), str(names[1])), x, y


def _sampled(n: int, x: Doubles | None, kind: Indices) -> tuple[Indices | None, tuple[str, ...]]:
    """Return which wells are points, and what the page must say about what it leaves out."""
    notices = []
    if n > MANY:
        notices.append(f"More than {number(MANY)} wells: their numbers are rounded to 65,535 steps.")
    if n > MORE:
        notices.append(f"More than {number(MORE)} wells: no channel intensities, and 254 steps.")
    drawn = None
    if n > MOST and x is not None:
        rng = np.random.default_rng(0)
        first = np.flatnonzero(kind > 0)
        first = first if len(first) <= DRAWN // 2 else np.sort(rng.choice(first, DRAWN // 2, replace=False))
        others = rng.choice(np.flatnonzero(kind == 0), min(DRAWN - len(first), int((kind == 0).sum())), replace=False)
        drawn = np.sort(np.concatenate([first, others]))
        notices.append(f"The embedding shows {number(len(drawn))} of {number(n)} wells.")
    return drawn, tuple(notices)


def _floats(column: pd.Series) -> Doubles:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
