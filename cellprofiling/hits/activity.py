"""Which perturbations differ from the controls of their plates, and how sure that is."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.errors import InputError, ReferenceRowsError, one_of
from cellprofiling.core.frame import PLATE, By, Reference
from cellprofiling.core.ledger import written
from cellprofiling.hits.caller import CONTROL_FITS, Caller
from cellprofiling.hits.design import read_design
from cellprofiling.hits.methods import METHODS

COLUMNS = [
    *("score", "statistic", "p_value", "q_value", "p_floor", "n_wells", "n_plates", "n_controls"),
    *("n_permutations", "null_scheme"),
]


def activity(
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    method: str = "map",
    plate: str = PLATE,
    permutations: int = 10_000,
    seed: int = 0,
    control_fit: str = "refit",
) -> pd.DataFrame:
    """
    Test each perturbation for a difference from the control wells of its own plates.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and features, normalized or not.
    by : str or list of str
        Metadata columns that name a perturbation, for example compound and dose.
    reference : str, dict or sequence of bool
        Which wells are the negative controls: a query, ``{column: value}``, or one boolean per row.
    method : {"map"}, default "map"
        The statistic. ``"map"``: mean average precision, how well the wells of a perturbation find each other
        (by cosine) among the controls of their own plate.
    plate : str, default "Metadata_Plate"
        The column inside which wells are exchangeable.
    permutations : int, default 10_000
        Random assignments per test, at most: drawing stops once 50 of them score as high as the observed one. A
        design with no more assignments than this is enumerated exactly.
    seed : int, default 0
        Seed of the random assignments.
    control_fit : {"refit", "as_given"}, default "refit"
        ``"refit"``: the origin (control mean of each plate) is fitted anew in each assignment, and the scale is that
        of all wells of the plate, so controls that an earlier normalization was fitted on are tested fairly.
        ``"as_given"``: profiles are tested as they stand; right only if no control was used to make them.

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key: the `by` columns, ``score`` (mean average precision of the profiles
        as given), ``statistic`` (the same after `control_fit`; what is tested), ``p_value``, ``q_value``
        (Benjamini-Hochberg over all rows with a p-value), ``p_floor`` (the smallest p-value attainable), ``n_wells``,
        ``n_plates``, ``n_controls``, ``n_permutations`` and ``null_scheme``. A perturbation with one well has no
        replicate to find: its values are missing.

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, or a plate has fewer than two controls.

    See Also
    --------
    rank_hits : The ranked list made of this test.
    average_precision : The score of single wells, for any grouping.

    Notes
    -----
    Wells, never cells, are permuted, inside plates. Ties count against the perturbation. Under "refit" the tested
    statistic does not change when features of a plate are shifted or rescaled, so any earlier per-plate
    standardization cancels; whitening on controls does not cancel. Missing values count as the median of their plate.
    For a perturbation with very many wells the test uses as many of its plates as hold 4000 wells, and says so.

    References
    ----------
    Kalinin et al., Nat. Commun. 16, 5181 (2025), https://doi.org/10.1038/s41467-025-60306-2;
    Anderson, Austral Ecology 26, 32 (2001), https://doi.org/10.1111/j.1442-9993.2001.01070.pp.x;
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585;
    Besag and Clifford, Biometrika 78, 301 (1991), https://doi.org/10.1093/biomet/78.2.301.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> result = cpf.activity(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", permutations=999)
    >>> result["p_value"].between(result["p_floor"], 1).all()
    np.True_
    """
    one_of("method", method, METHODS)
    one_of("control_fit", control_fit, CONTROL_FITS)
    if permutations < 1:
        raise InputError(f"permutations={permutations}: give a positive number, 1000 or more for a usable p-value.")
    design = read_design(profiles, by, reference, plate)
    if design.is_control.all():
        raise ReferenceRowsError(
            f"reference={reference!r}: all {len(profiles)} wells are controls; none is left to test."
        )
    caller = Caller(design, method, permutations, seed, control_fit == "refit")
    controls = np.flatnonzero(design.is_control)
    tests = caller.test_all([(design.wells_of(group), controls) for group in range(len(design.keys))])
    result = pd.concat([design.keys, pd.DataFrame(tests)], axis=1)
    result["q_value"] = false_discovery_rates(result["p_value"])
    return written(result[[*design.by, *COLUMNS]], profiles)


def false_discovery_rates(p_values: pd.Series) -> NDArray[np.float64]:
    """Return Benjamini-Hochberg q-values; missing p-values stay missing and are no part of the family."""
    from statsmodels.stats.multitest import multipletests

    q_values = np.full(len(p_values), np.nan)
    tested = p_values.notna().to_numpy()
    if tested.any():
        q_values[tested] = multipletests(p_values[tested], method="fdr_bh")[1]
    return q_values
