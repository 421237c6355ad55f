"""How many plates, controls and cells it takes to find effects of a given size: screens are drawn to tell."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from cellprofiling.cells.aggregation import refuse_unknown_statistics
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference
from cellprofiling.core.errors import one_of, plural
from cellprofiling.core.progress import Counter, Tell
from cellprofiling.hits.calling.activities import activity
from cellprofiling.hits.calling.statistics import METHODS
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.power.screens import COMPOUND, CONTROL, Pilot, ScreenPlan, ScreenSource, source

Numbers = int | Sequence[int]
MANY = 4  # features per control well of a pilot from which on a forecast is too bright
AXES = ("plates", "controls", "cells_per_well", "effect", "compounds")


def plan_power(
    pilot: pd.DataFrame | None = None,
    *,
    by: By = None,
    reference: Reference = None,
    cells: pd.DataFrame | None = None,
    preset: str = "easy",
    plates: Numbers = (2, 3, 4, 6),
    controls: Numbers = 24,
    cells_per_well: Numbers | None = None,
    effect: float | Sequence[float] | None = None,
    compounds: Numbers | None = None,
    method: str = "map",
    fdr: float = 0.05,
    target: float = 0.8,
    simulations: int = 5,
    permutations: int = 2_000,
    statistic: str = "median",
    plate: str = PLATE,
    seed: int = 0,
    progress: Tell | None = None,
) -> pd.DataFrame:
    """
    Return how many of the true effects each design of a screen would find.

    Parameters
    ----------
    pilot : pandas.DataFrame or None, default None
        Profiles of a pilot screen, one row per well, on two plates or more: screens are drawn like it. None draws those
        of `simulate_screen`, cell by cell.
    by : str or list of str or None, default None
        Metadata columns that name a perturbation of the pilot.
    reference : str, dict, array of bool or None, default None
        The negative controls of the pilot.
    cells : pandas.DataFrame or None, default None
        Single cells of the pilot with the columns that `reference` asks for; needed to vary `cells_per_well`.
    preset : str, default "easy"
        Without a pilot: the preset of `simulate_screen`, each compound at one dose.
    plates : int or list of int, default (2, 3, 4, 6)
        Plates; each perturbation has one well on every plate, so this is the number of replicates.
    controls : int or list of int, default 24
        Negative control wells per plate.
    cells_per_well : int, list of int or None, default None
        Cells in a usual well; None as in the pilot or the preset.
    effect : float, list of float or None, default None
        With a pilot, what its effects are multiplied by; without, how far the affected features of a cell move, in SDs
        of a cell. None takes them as they are.
    compounds : int, list of int or None, default None
        Perturbations; None as many as in the pilot or the preset. The share that is active stays.
    method : {"map", "mahalanobis", "energy", "replicate_correlation"}, default "map"
        The statistic of `activity`.
    fdr : float, default 0.05
        Hits have a q-value of at most this.
    target : float, default 0.8
        The recall that the recommended design should reach.
    simulations : int, default 5
        Screens drawn for each design.
    permutations : int, default 2000
        As in `activity`.
    statistic : str, default "median"
        How cells become wells, in simulated screens and for `cells`.
    plate : str, default "Metadata_Plate"
        The plate of the wells of the pilot.
    seed : int, default 0
        Seed of the screens and of the tests.
    progress : callable or None, default None
        Called with a `Progress` after each screen.

    Returns
    -------
    pandas.DataFrame
        One row per design: ``plates``, ``controls``, ``cells_per_well``, ``effect``, ``compounds``, ``wells`` (all
        wells of the screen), ``n_active`` (true effects in all simulations), ``recall`` (share of them that are hits),
        ``ci_low`` and ``ci_high`` (95 %: the wider of Wilson's, over effects, and Student's, over screens), ``hits``
        (all hits of a screen, mean), ``fdp`` (share of false hits among hits, mean), ``p_floor`` (the smallest p-value
        the design can reach). ``attrs["recommendation"]`` names, in a sentence, the design with the fewest wells whose
        recall reaches `target`, and warns of a pilot with many more features than controls.

    Raises
    ------
    InputError
        If an argument is out of range, the pilot has one plate or no effect beyond chance, or `cells` is missing.
    ReferenceRowsError
        If the pilot has too few controls.

    Notes
    -----
    Screens like a pilot: wells are normal with the covariance of its control wells about their plate means (shrunk
    after Ledoit and Wolf), and effects have the size that wells on *different plates* agree on, which is unbiased,
    where the length of a mean is inflated by noise. Which treatments do nothing is drawn anew for each screen, with the
    probabilities that the pilot gives; ``recall`` is the share found of those effects that are likely (80 % and more),
    ``hits`` counts all. Cells change the variance of wells: by the share that random halves of the cells of a well
    disagree by. What a pilot has not seen (another batch, a failed plate) is not in the forecast.

    References
    ----------
    Ledoit and Wolf (2004), https://doi.org/10.1016/S0047-259X(03)00096-4

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> plan = cpf.plan_power(plates=[2, 4], compounds=10, cells_per_well=30, simulations=1, permutations=200)
    >>> plan[["plates", "wells", "n_active"]]
       plates  wells  n_active
    0       2     68         5
    1       4    136         5
    """
    checks.arguments(
        locals(),
        statistic=checks.text,
        plates=checks.several(checks.at_least(1)),
        controls=checks.several(checks.at_least(2)),
        cells_per_well=checks.optional(checks.several(checks.at_least(1))),
        effect=checks.optional(checks.several(checks.positive)),
        compounds=checks.optional(checks.several(checks.at_least(1))),
        pilot=checks.optional(checks.table),
        cells=checks.optional(checks.table),
    )
    one_of("method", method, METHODS)
    refuse_unknown_statistics([statistic], "statistic")
    per_well = _axis(cells_per_well)
    of = source(pilot, by, reference, preset, plate, cells, per_well, statistic, seed)
    plans = [
        ScreenPlan(*values)
        for values in product(
            _axis(plates) or (),
            _axis(controls) or (),
            per_well or (None,),
            _effects(effect),
            _axis(compounds) or (_usual(of),),
        )
    ]
    counter = Counter(len(plans) * simulations, progress)
    rows = [_forecast(of, plan, method, fdr, simulations, permutations, seed, counter) for plan in plans]
    table = pd.DataFrame(rows)
    table.attrs["recommendation"] = " ".join(filter(None, [_recommended(table, target), _caution(of)]))
    return table


def _axis(values: Numbers | None) -> tuple[int, ...] | None:
    if values is None:
        return None
    return tuple(int(n) for n in np.atleast_1d(np.asarray(values)))


def _effects(effect: float | Sequence[float] | None) -> tuple[float | None, ...]:
    if effect is None:
        return (None,)
    return tuple(float(n) for n in np.atleast_1d(np.asarray(effect)))


def _usual(of: ScreenSource) -> int:
    return len(of.effects.null) if isinstance(of, Pilot) else 60


def _caution(of: ScreenSource) -> str:
    """Return what makes a forecast too bright: noise in more directions than controls can show is made up as even."""
    if not isinstance(of, Pilot) or len(of.features) <= MANY * len(of.noise.rows):
        return ""
    return (
        f"Too bright a forecast, perhaps: {len(of.features)} features and {len(of.noise.rows)} control wells in the "
        "pilot; select features first."
    )


def _forecast(
    of: ScreenSource,
    plan: ScreenPlan,
    method: str,
    fdr: float,
    simulations: int,
    permutations: int,
    seed: int,
    counter: Counter,
) -> dict[str, object]:
    screens = []
    for i in range(simulations):
        drawn = of.draw(plan, seed * 1_000 + i)
        tests = activity(
            drawn.wells, by=COMPOUND, reference=CONTROL, method=method, permutations=permutations, seed=seed
        )
        hits, true = set(tests.loc[tests["q_value"] <= fdr, COMPOUND]), set(drawn.active)
        screens.append((len(hits & true), len(true), len(hits), len(hits - true), tests["p_floor"].max()))
        counter.add(None, 0, 0)
    found, n_active, hits, false, floors = np.array(screens).T
    low, high = _interval(found, n_active)
    return {
        **{name: getattr(plan, name) for name in AXES},
        "wells": plan.plates * (plan.controls + plan.compounds),
        "n_active": int(n_active.sum()),
        "recall": found.sum() / n_active.sum() if n_active.sum() else np.nan,
        "ci_low": low,
        "ci_high": high,
        "hits": hits.mean(),
        "fdp": (false / np.maximum(hits, 1)).mean(),
        "p_floor": floors.max(),
    }


def _interval(found: Doubles, of: Doubles) -> tuple[float, float]:
    """Return the wider of the intervals of a share of all effects (Wilson) and of a mean over screens (Student)."""
    from statsmodels.stats.proportion import proportion_confint

    if not of.sum():
        return np.nan, np.nan
    low, high = proportion_confint(found.sum(), of.sum(), method="wilson")
    shares = found[of > 0] / of[of > 0]
    if len(shares) > 1:
        half = stats.t.ppf(0.975, len(shares) - 1) * shares.std(ddof=1) / np.sqrt(len(shares))
        low, high = min(low, shares.mean() - half), max(high, shares.mean() + half)
    return max(float(low), 0.0), min(float(high), 1.0)


def _recommended(table: pd.DataFrame, target: float) -> str:
    """Return a sentence for each effect and number of compounds, which nobody chooses."""
    given = [name for name in ("effect", "compounds") if len(table[name].drop_duplicates()) > 1]
    if not given:
        return _best(table, target)
    return " ".join(
        f"{', '.join(f'{name} {value:g}' for name, value in zip(given, key, strict=True))}: {_best(part, target)}"
        for key, part in table.groupby(given)
    )


def _best(table: pd.DataFrame, target: float) -> str:
    enough = table[table["recall"] >= target]
    order = ["wells", "recall"] if len(enough) else ["recall"]
    row = (enough if len(enough) else table).sort_values(order, ascending=[name == "wells" for name in order]).iloc[0]
    design = f"{plural(row['plates'], 'plate')} with {plural(row['controls'], 'control well')} each"
    if pd.notna(row["cells_per_well"]):
        design += f" and {row['cells_per_well']:.0f} cells per well"
    interval = f"(95 % interval {100 * row['ci_low']:.0f} to {100 * row['ci_high']:.0f} %)"
    found = f"{100 * row['recall']:.0f} % of the true effects {interval}"
    if len(enough):
        return f"{design}, {row['wells']} wells in all, find {found}: the fewest that reach {100 * target:.0f} %."
    return f"No design reaches {100 * target:.0f} %; the best, {design}, finds {found}. Add plates or controls."
