"""Which perturbations differ from the controls of their plates, and how sure that is."""

from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference, describe_reference
from cellprofiling.core.errors import ReferenceRowsError, one_of
from cellprofiling.core.ledgers import Line, lines, written
from cellprofiling.core.question import ask
from cellprofiling.hits.calling.blocks import COMBINE, Blocks, block_designs, together
from cellprofiling.hits.calling.settings import Settings
from cellprofiling.hits.calling.tester import run_tests
from cellprofiling.hits.design import Design, Features, alike, find_design
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg

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
    plate: str | None = PLATE,
    permutations: int = 10_000,
    seed: int = 0,
    control_fit: str = "refit",
    blocks: Blocks = None,
    combine: str = "min",
    within: By = None,
    features: Features = None,
    **method_options: Any,
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
    method : {"map", "mahalanobis", "energy", "replicate_correlation"}, default "map"
        The statistic.

        - ``"map"``: mean average precision, how well the wells of a perturbation find each other (by cosine) among the
          controls of their own plate.
        - ``"mahalanobis"``: length of the mean difference from the controls of the same plate, in the metric of the
          covariance of controls about the mean of their plate, shrunk after Ledoit and Wolf.
        - ``"energy"``: energy distance between wells and the controls of the same plate; with ``kernel="gaussian"`` the
          squared maximum mean discrepancy, the bandwidth being the median distance between controls.
        - ``"replicate_correlation"``: median similarity of wells on different plates; ``metric="cosine"`` or
          ``"pearson"``.
    plate : str or None, default "Metadata_Plate"
        The column inside which wells are exchangeable, and whose controls a well is compared with; None compares with
        all controls, which is right only where plates do not differ.
    permutations : int, default 10_000
        Random assignments per test, at most: drawing stops once 50 of them score as high as the observed one. A
        design with no more assignments than this is enumerated exactly.
    seed : int, default 0
        Seed of the random assignments.
    control_fit : {"refit", "whiten", "as_given"}, default "refit"
        What was, or is to be, fitted on the controls, and is fitted anew on the controls of each assignment.

        - ``"refit"``: the origin (control mean of each plate); the scale is that of all wells of the plate. Profiles
          that the ledger says were whitened, or whose controls vary more evenly than chance allows, have their
          whitening refitted too.
        - ``"whiten"``: give the profiles *before* whitening. They are whitened on the controls here, anew in each
          assignment.
        - ``"as_given"``: nothing. Right only if no control was used to make the profiles.
    blocks : bool or dict or None, default None
        True tests the blocks of a `fingerprint` (level, spread, dependence) one by one and combines their p-values;
        ``{name: [features]}`` does so with blocks of your own. None tests all features together.
    combine : {"min", "cauchy"}, default "min"
        How p-values of blocks are combined: the smallest times their number (Bonferroni), or the Cauchy combination.
    within : str, list of str or None, default None
        Columns in which a well and the controls it is compared with must agree, beside the plate: cell line, time
        point, donor. Wells are permuted inside plate and stratum, and each stratum of a perturbation is a row.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).
    **method_options
        Options of the method, named above.

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key: the `by` columns, ``score`` (for "map" and
        "replicate_correlation" that of the profiles as given, else the statistic), ``statistic`` (the same after
        `control_fit`; what is tested), ``p_value``, ``q_value`` (Benjamini-Hochberg over all rows with a p-value),
        ``p_floor`` (the smallest p-value attainable), ``n_wells``,
        ``n_plates``, ``n_controls``, ``n_permutations`` and ``null_scheme``, which says in words what was permuted and
        refitted. A perturbation with one well has no replicate to find: its values are missing, but for "mahalanobis".
        Wells whose values are all the same (all zero, for example) are no profiles: they are left out, and the ledger
        names them.

        With `blocks` there are ``statistic_level``, ``p_level`` and so on in place of ``score`` and ``statistic``;
        ``p_value`` and ``p_floor`` are those of the combination, and ``block`` says in words which blocks speak, with
        p <= 0.05 / 3 each: "average change", "more or less variable", "different relation between features, or a
        subset of cells".

    Raises
    ------
    InputError
        If a column, the reference or an option is unknown, or a plate has fewer than two valid controls.

    See Also
    --------
    rank_hits : The ranked list made of this test.
    average_precision : The score of single wells, for any grouping.

    Notes
    -----
    Wells, never cells, are permuted, inside plates. Ties count against the perturbation. With b of m assignments at
    least as high, p = (b + 1) / (m + 1). Where controls are so many that fewer than one in ten assignments would give
    the label to a treated well, controls alone are drawn, and perturbations with the same controls share one null.

    Under "refit" the tested statistic of "map", "energy" and "replicate_correlation" does not change when features of a
    plate are shifted or rescaled, so any earlier per-plate standardization cancels. A whitening does not: wells it was
    fitted on are shorter and less alike than others. With A = (1 - s) R + s m I the covariance that was used, one
    control weighs omega = (1 - s) / (n - 1) in it; leaving a control x out, or taking another in, changes A by omega
    xx' (and what that does to the mean), and its inverse by Woodbury's formula, so each assignment has the metric of
    its own controls. s and m stay those of all controls. Of profiles that come whitened, omega is one over the largest
    eigenvalue of their control scatter. That repairs the whitening, not a scale that was fitted before it on few
    controls per plate (16, say): distances ("mahalanobis", "energy") then call about one null in eight at 0.05. Give
    profiles before whitening where you can.

    Missing values count as the median of their plate. For a perturbation with very many wells and controls the test
    uses as many of its plates, or of its controls, as make 4000 wells, and says so.

    References
    ----------
    Kalinin et al., Nat. Commun. 16, 5181 (2025), https://doi.org/10.1038/s41467-025-60306-2;
    Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), https://doi.org/10.1016/S0047-259X(03)00096-4;
    Szekely and Rizzo, J. Stat. Plan. Inference 143, 1249 (2013), https://doi.org/10.1016/j.jspi.2013.03.018;
    Anderson, Austral Ecology 26, 32 (2001), https://doi.org/10.1111/j.1442-9993.2001.01070.pp.x;
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585;
    Besag and Clifford, Biometrika 78, 301 (1991), https://doi.org/10.1093/biomet/78.2.301;
    Liu and Xie, J. Am. Stat. Assoc. 115, 393 (2020), https://doi.org/10.1080/01621459.2018.1554485 (Cauchy).

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> result = cpf.activity(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", permutations=999)
    >>> result["p_value"].between(result["p_floor"], 1).all()
    np.True_
    """
    checks.arguments(locals(), by=checks.columns, plate=checks.optional(checks.column))
    settings = Settings(method, permutations, seed, control_fit, method_options)
    question = ask(profiles, by, reference, plate=plate, within=within)
    one_of("combine", combine, COMBINE)
    settings.check()
    design = find_design(profiles, question, features)
    refuse_controls_alone(design, reference)
    tests = call_perturbations(design, settings, blocks, combine)
    new = [*design.lines("activity"), *dead_wells(profiles, design, blocks)]
    columns = COLUMNS if not blocks else [name for name in tests if name not in question.keys]
    return written(tests[[*question.keys, *columns]], profiles, new=new)


def call_perturbations(design: Design, settings: Settings, blocks: Blocks = None, combine: str = "min") -> pd.DataFrame:
    """Return what names each perturbation, and its test with its q-value; those of blocks are combined."""
    parts = block_designs(design, blocks)
    tests = {name: _tests(part, settings) for name, part in parts.items()}
    result = together(tests, combine) if blocks else tests[""]
    result["q_value"] = benjamini_hochberg(result["p_value"].to_numpy(np.float64))
    return pd.concat([design.keys, result], axis=1)


def dead_wells(profiles: pd.DataFrame, design: Design, blocks: Blocks = None) -> list[Line]:
    """Return the ledger lines of wells that no test can use."""
    why = "no profile: all values are the same"
    dead = [alike(part.x) for part in block_designs(design, blocks).values()]
    return [line for rows in dead for line in lines("activity", "well", profiles.index[rows], why)]


def refuse_controls_alone(design: Design, reference: Reference) -> None:
    """Refuse a reference that every well is."""
    if design.is_control.all():
        raise ReferenceRowsError(
            f"reference={describe_reference(reference)}: all {len(design.x)} wells are controls; none is left to test."
        )


def _tests(design: Design, settings: Settings) -> pd.DataFrame:
    """Return the tests of all perturbations; one without a well left is not tested."""
    design = design.without(alike(design.x))
    wells = design.wells_of_all()
    missing = dict.fromkeys(("score", "statistic", "p_value", "p_floor"), np.nan)
    missing |= dict.fromkeys(("n_wells", "n_plates", "n_controls", "n_permutations"), 0)
    tested = iter(
        run_tests(design, settings, [(np.flatnonzero(design.is_control), [own for own in wells if len(own)])])
    )
    return pd.DataFrame(
        [next(tested) if len(own) else missing | {"null_scheme": "none: no valid well"} for own in wells]
    )
