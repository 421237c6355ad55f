"""How well replicates agree: the share that replicates, in both published meanings."""

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import By, groups, require
from cellprofiling.core.errors import InputError, one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.core.ledgers import lines, written
from cellprofiling.hits.design import Features, by_name
from cellprofiling.hits.retrieval.inside import in_strata, strata_lines
from cellprofiling.hits.retrieval.precision import METRICS
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.scale.order import content_order

QUANTILES = 201  # of each distribution that the result carries


def percent_replicating(
    profiles: pd.DataFrame,
    *,
    by: By,
    plate: str | None = None,
    metric: str = "pearson",
    quantile: float = 0.95,
    features: Features = None,
    draws: int = 1_000,
    seed: int = 0,
    within: By = None,
) -> pd.DataFrame:
    """
    Return the share of replicates that agree better than wells of different perturbations, in two meanings.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features without missing values.
    by : str or list of str
        Metadata columns that name a perturbation.
    plate : str or None, default None
        A column in which replicates must differ to be compared, and in which the wells of a random group differ too;
        None compares all.
    metric : {"pearson", "cosine"}, default "pearson"
        The similarity of two profiles.
    quantile : float, default 0.95
        The share of the null below the threshold.
    features : list of str, "all" or None, default None
        Names of the features; None for all that measure the biology (see `parse_features`).
    draws : int, default 1_000
        Random groups for each number of wells.
    seed : int, default 0
        Seed of the random groups.
    within : str, list of str or None, default None
        Columns such as cell line or time point: wells are compared only with wells that agree in these,
        and each stratum has rows of its own. None says in the ledger what differs; ``[]``: nothing does.

    Returns
    -------
    pandas.DataFrame
        Two rows. ``meaning``: "pairs", the share of pairs of replicates more similar than the quantile of all pairs of
        wells of different perturbations; and "perturbations", the share of perturbations whose median pair of
        replicates is more similar than the quantile of the medians of random groups of as many wells of different
        perturbations. ``share`` (0 to 1), ``threshold`` (for "perturbations" the median one), ``quantile``, and ``n``,
        of how many. The ledger names wells without direction, which are left out. ``.attrs["distributions"]`` has for
        each meaning 201 evenly spaced quantiles of the similarities, "observed" and "null"; with `within`, for each
        stratum.

    Raises
    ------
    InputError
        If a column or an option is unknown, values are missing, or no two wells are replicates.

    See Also
    --------
    activity : With ``method="replicate_correlation"`` a calibrated p-value for each perturbation.

    Notes
    -----
    "Pairs" is the replicate reproducibility of cytominer-eval, "perturbations" the percent replicating of Way et al.
    Both are descriptions of a screen, not tests: pairs share wells, and wells on one plate resemble each other whatever
    they hold.

    References
    ----------
    Way et al., Cell Syst. 13, 911 (2022), https://doi.org/10.1016/j.cels.2022.10.001.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> cpf.percent_replicating(wells, by="Metadata_Compound")["meaning"].tolist()
    ['pairs', 'perturbations']
    """
    checks.arguments(locals(), by=checks.columns, plate=checks.optional(checks.column))
    prepare = METRICS[one_of("metric", metric, METRICS)]
    if require(profiles, within, "within"):
        shares: dict[str, dict] = {}

        def alone(wells: pd.DataFrame) -> pd.DataFrame:
            result = percent_replicating(
                wells,
                by=by,
                plate=plate,
                metric=metric,
                quantile=quantile,
                features=features,
                draws=draws,
                seed=seed,
                within=[],
            )
            name = ", ".join(map(str, wells[require(profiles, within, "within")].iloc[0]))
            shares[name] = result.attrs.pop("distributions")
            return result

        result = in_strata(profiles, within, 0, alone)
        result.attrs["distributions"] = shares
        return result
    notes = strata_lines(profiles, "percent_replicating", by, plate, within)
    table = complete(by_name(split(profiles, features)))
    unit = prepare(table.x.astype(np.float64))
    codes, _ = groups(profiles, by)
    plates = groups(profiles, plate, "plate")[0] if plate is not None else np.arange(len(profiles))
    dead = ~np.any(unit != 0, axis=1)
    order = content_order(unit)
    order = order[~dead[order]]
    unit, codes, plates = unit[order], codes[order], plates[order]
    similarity = unit @ unit.T
    upper = np.triu(np.ones(similarity.shape, dtype=bool), 1) & (plates[:, None] != plates)
    same = codes[:, None] == codes
    pairs = similarity[upper & same]
    if not len(pairs):
        raise InputError(f"by={by!r}: no two wells are replicates{'' if plate is None else ' on different plates'}.")
    threshold = float(np.quantile(similarity[upper & ~same], quantile))
    medians, sizes = _group_medians(similarity, codes, plates)
    nulls = {int(n): _null(similarity, codes, plates, int(n), draws=draws, seed=seed) for n in np.unique(sizes)}
    limits = {n: float(np.quantile(null, quantile)) if len(null) else np.nan for n, null in nulls.items()}
    beyond = medians > np.array([limits[int(n)] for n in sizes])
    result = pd.DataFrame(
        {
            "meaning": ["pairs", "perturbations"],
            "share": [float((pairs > threshold).mean()), float(beyond.mean())],
            "threshold": [threshold, float(np.median([limits[int(n)] for n in sizes]))],
            "quantile": quantile,
            "n": [len(pairs), len(medians)],
        }
    )
    result.attrs["distributions"] = {
        "pairs": _spread_out(pairs, similarity[upper & ~same]),
        "perturbations": _spread_out(medians, np.concatenate([nulls[int(n)] for n in sizes])),
    }
    new = notes + lines("percent_replicating", "well", profiles.index[dead], f"no direction under {metric}")
    return written(result, profiles, new=new)


def _group_medians(similarity: Doubles, codes: Indices, plates: Indices) -> tuple[Doubles, Indices]:
    """Return the median similarity of the pairs of each perturbation that has any, and its number of wells."""
    medians, sizes = [], []
    for code in np.unique(codes):
        wells = np.flatnonzero(codes == code)
        found = _pairs(similarity, plates, wells)
        if len(found):
            medians.append(np.median(found))
            sizes.append(len(wells))
    return np.array(medians), np.array(sizes, dtype=np.intp)


def _pairs(similarity: Doubles, plates: Indices, wells: Indices) -> Doubles:
    first, second = np.triu_indices(len(wells), 1)
    first, second = wells[first], wells[second]
    apart = plates[first] != plates[second]
    return similarity[first[apart], second[apart]]


def _null(similarity: Doubles, codes: Indices, plates: Indices, n: int, *, draws: int, seed: int) -> Doubles:
    """Return the medians of random groups of n wells, each of another perturbation."""
    rng = np.random.default_rng([seed, n])
    medians = []
    for _ in range(draws):
        wells = rng.permutation(len(codes))
        wells = np.sort(wells[np.sort(np.unique(codes[wells], return_index=True)[1])[:n]])
        found = _pairs(similarity, plates, wells)
        if len(found):
            medians.append(np.median(found))
    return np.array(medians)


def _spread_out(observed: Doubles, null: Doubles) -> dict[str, list[float]]:
    """Return evenly spaced quantiles of both."""
    steps = np.linspace(0, 1, QUANTILES)
    return {
        name: [float(each) for each in np.quantile(values, steps)] if len(values) else []
        for name, values in (("observed", observed), ("null", null))
    }
