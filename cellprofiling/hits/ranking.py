"""The ranked hit list: one row per perturbation, with the test, the effect, and the reason in words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference, describe_reference, groups, require
from cellprofiling.core.errors import InputError, PlateLayoutError
from cellprofiling.core.face.version import __version__
from cellprofiling.core.frame import content_sha256
from cellprofiling.core.ledgers import written
from cellprofiling.core.question import Question, ask
from cellprofiling.hits.audits.label_audit import SWAPPED, compare_labels, label_sentence
from cellprofiling.hits.audits.layout_audit import SUSPECT, compare_plates, layout_sentence
from cellprofiling.hits.calling.activities import call_perturbations, dead_wells, refuse_controls_alone
from cellprofiling.hits.calling.blocks import Blocks, without_dependence
from cellprofiling.hits.calling.control_audit import ControlTests, call_controls
from cellprofiling.hits.calling.count_matched import ALPHA, FEW_CELLS, count_p_values, matched_p_values
from cellprofiling.hits.calling.position_matched import position_matched
from cellprofiling.hits.calling.settings import Settings
from cellprofiling.hits.design import Design, Features, find_design
from cellprofiling.hits.dosed import with_doses
from cellprofiling.hits.effects import describe_change, describe_layout, describe_retrieval
from cellprofiling.hits.reasons import ListContext, reason
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.inference.multiplicity import benjamini_bogomolov

AUDITED = 1_000  # random assignments in the audit: enough to tell whether p <= 0.05
COLUMNS = [
    *("n_wells", "n_plates", "n_positions", "same_position", "n_controls"),
    *("cell_count_ratio", "cell_count_p", "toxic"),
    *("map", "map_ci_low", "map_ci_high", "mahalanobis", "induction"),
    *("p_value", "p_floor", "q_value", "position_p", "position_p_floor", "count_matched_p"),
    *("null_scheme", "hit", "reason", "top_features"),
]


def rank_hits(
    profiles: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    dose: str | None = None,
    plate: str = PLATE,
    well: str = WELL,
    count: str = COUNT,
    fdr: float = 0.05,
    method: str = "map",
    permutations: int = 10_000,
    seed: int = 0,
    control_fit: str = "refit",
    blocks: Blocks = None,
    within: By = None,
    features: Features = None,
) -> pd.DataFrame:
    """
    Rank perturbations by the evidence that they differ from the controls of their plates.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well: metadata and normalized features.
    by : str or list of str
        Metadata columns that name a perturbation.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    dose : str or None, default None
        A dose column; each dose of a perturbation becomes a row of its own, and which doses are hits is decided after
        which perturbations are. Doses are numbers, or texts with a unit ("10 uM"); those equal to a relative 1e-6 are
        one, and wells without any make a row without.
    plate, well : str
        Columns that say where a well lies.
    count : str, default "Metadata_Object_Count"
        Column with the number of cells; without it, the cell count ratio is missing.
    fdr : float, default 0.05
        False discovery rate among the rows called hits, between 0 and 1.
    method : {"map", "mahalanobis", "energy", "replicate_correlation"}, default "map"
        The statistic that is tested, as in `activity`.
    permutations : int, default 10_000
        Random assignments per test, as in `activity`.
    seed : int, default 0
        Seed of the random assignments.
    control_fit : {"refit", "as_given"}, default "refit"
        Whether controls are fitted anew in each assignment, as in `activity`.
    blocks : bool or dict or None, default None
        True tests the blocks of a `fingerprint` one by one, as in `activity`; the list then has a p-value of each and
        ``block``, which blocks speak, and says so in the reason.
    within : str, list of str or None, default None
        Columns in which a well and the controls it is compared with must agree, beside the plate: cell line, time
        point, donor. Wells are permuted inside plate and stratum, and each stratum of a perturbation is a row.
    features : list of str, "all" or None, default None
        Which columns are measured; None takes what the names say (see `parse_features`).

    Returns
    -------
    pandas.DataFrame
        The hit list, best first: ``rank``; the `by` columns; ``n_wells``, ``n_plates``, ``n_positions``,
        ``same_position`` (all wells in one position of several plates), ``n_controls``; ``cell_count_ratio`` (median
        over wells of the count relative to the control median of the plate), ``cell_count_p`` (the p-value of the cell
        count alone), ``toxic`` (fewer than half the cells of controls, p <= 0.05); ``map`` with ``map_ci_low`` and
        ``map_ci_high`` (95 %); ``mahalanobis`` (distance from the controls, in control standard deviations along the
        change); ``induction`` (share of features changed by more than 3 control standard deviations); ``p_value``,
        ``p_floor``, ``q_value``, with `dose` also ``group_q_value`` (of all doses together); ``position_p`` (against
        control pseudo-compounds that keep one position too) and ``position_p_floor`` (the smallest it could be);
        ``count_matched_p`` (of hits with a changed cell count: the test against the controls nearest in cell count);
        ``null_scheme``; ``hit``; ``reason``; ``top_features`` (largest changes, in control standard deviations).
        ``attrs["audit"]`` holds the rows of `audit_controls` for pseudo-compounds on the plates of the perturbations,
        ``attrs["layout_audit"]`` the plates that `audit_layout` does not find as recorded, ``attrs["label_audit"]`` the
        wells that `audit_labels` finds swapped, ``attrs["sentences"]`` all audits in words, ``attrs["parameters"]``
        what was asked for, ``attrs["provenance"]`` the version of this package and the sha256 of the content of
        `profiles`.

    Raises
    ------
    InputError
        If a column, the reference or an option cannot be used.

    See Also
    --------
    activity : The test.
    audit_controls : How often the same test calls control wells active.
    audit_layout : Find plates that were turned or made with another map.
    audit_labels : Find swapped wells.
    write_hits : Write the list and what it was made from.

    Notes
    -----
    Order: hits first, then q-value (with `dose` that of the perturbation), then the lower end of the interval of the
    effect, then its size; rows at the smallest attainable p-value are so ordered by effect, never by p. The interval of
    ``map`` is Student's t over wells, cut to [0, 1]; wells share their controls, so with few wells it is a rough guide.
    Mahalanobis distance uses the covariance of control wells about the control mean of their plate, shrunk after Ledoit
    and Wolf.

    q-values are Benjamini and Hochberg's over the list. With `dose`, Simes' p-value of each perturbation goes through
    Benjamini-Hochberg, and then the doses of the selected ones, at a level that pays for the selection (Benjamini and
    Bogomolov); such q-values belong to this `fdr`.

    ``position_p``: with n control pseudo-compounds of as many wells at one position, of which b score as high,
    (b + 1) / (n + 1); missing where a perturbation changes its position or controls do. ``count_matched_p`` is missing
    where the nearest quarter of controls differ by more than a quarter in cell count.

    References
    ----------
    Benjamini and Hochberg, J. R. Stat. Soc. B 57, 289 (1995), https://doi.org/10.1111/j.2517-6161.1995.tb02031.x;
    Simes, Biometrika 73, 751 (1986), https://doi.org/10.1093/biomet/73.3.751;
    Benjamini and Bogomolov, J. R. Stat. Soc. B 76, 297 (2014), https://doi.org/10.1111/rssb.12028;
    Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), https://doi.org/10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", compounds=6, cells_per_well=10, features=40)
    >>> wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
    >>> hits = cpf.rank_hits(wells, by="Metadata_Compound", reference="Metadata_Role == 'negcon'", permutations=999)
    >>> hits["rank"].tolist()
    [1, 2, 3, 4, 5, 6]
    """
    checks.arguments(locals(), by=checks.columns, dose=checks.optional(checks.column))
    settings = Settings(method, permutations, seed, control_fit)
    question = ask(profiles, by, reference, plate=plate, dose=dose, within=within, well=well, count=count)
    require(profiles, well, "well")
    settings.check()
    counts = _counts(profiles, count)
    given = profiles
    profiles, doses = with_doses(given, question)
    design = find_design(profiles, question, features)
    refuse_controls_alone(design, reference)
    audit = replace(settings, permutations=min(permutations, AUDITED))
    controls = call_controls(design, profiles[well], audit, blocks)
    hits = _described(design, profiles[well], counts, settings, blocks)
    family = groups(hits, [name for name in question.keys if name != dose])[0] if dose else None
    hits = _called(hits, fdr, family)
    hits = _doubted(hits, design, counts, controls, settings, blocks)
    position_rate = dict(zip(controls.audit["layout"], controls.audit["rate"], strict=True))["same position"]
    shared = ListContext(fdr, int(hits["p_value"].notna().sum()), position_rate, dose is not None)
    hits["reason"] = [reason(row, shared) for row in hits.to_dict("records")]
    hits = _ranked(hits, question.keys)
    hits.attrs |= _audits(profiles, question, design, controls.audit)
    hits.attrs["sentences"] += doses.notes
    hits.attrs["parameters"] = _parameters(question, settings, fdr, blocks, features)
    hits.attrs["provenance"] = {"cellprofiling": __version__, "input_sha256": content_sha256(given)}
    new = [*doses.lines("rank_hits"), *design.lines("rank_hits"), *dead_wells(profiles, design, blocks)]
    return written(hits, given, new=new)


def _described(design: Design, well: pd.Series, counts: Doubles, settings: Settings, blocks: Blocks) -> pd.DataFrame:
    """Return the test of each perturbation beside where its wells lie and how large its change is."""
    tested = call_perturbations(design, settings, blocks).drop(columns="score", errors="ignore")
    changed = without_dependence(design) if blocks else design
    layout = describe_layout(design, well, pd.Series(counts))
    return pd.concat([tested, layout, describe_retrieval(design), describe_change(changed)], axis=1)


def _doubted(
    hits: pd.DataFrame,
    design: Design,
    counts: Doubles,
    controls: ControlTests,
    settings: Settings,
    blocks: Blocks,
) -> pd.DataFrame:
    """Return the hits with what cell counts and positions alone would say of them."""
    hits["cell_count_p"] = count_p_values(design, counts, settings.permutations, settings.seed)
    hits["toxic"] = ((hits["cell_count_ratio"] < FEW_CELLS) & (hits["cell_count_p"] <= ALPHA)).to_numpy(dtype=bool)
    statistics = {name: f"statistic_{name}" if name else "statistic" for name in controls.at_one_position}
    hits["position_p"], hits["position_p_floor"] = position_matched(
        {name: hits[column].to_numpy() for name, column in statistics.items()},
        hits["n_wells"].to_numpy(),
        hits["same_position"].to_numpy(),
        controls.at_one_position,
    )
    asked = (hits["hit"] & (hits["cell_count_p"] <= ALPHA)).to_numpy(dtype=bool)
    hits["count_matched_p"] = matched_p_values(design, counts, asked, settings, blocks)
    return hits


def _parameters(
    question: Question, settings: Settings, fdr: float, blocks: Blocks, features: Features
) -> dict[str, Any]:
    """Return what was asked for, as plain values."""
    reference = question.reference
    asked = {
        "by": [name for name in question.keys if name not in question.within or name in question.by],
        "reference": reference if isinstance(reference, str) else describe_reference(reference),
        "dose": question.dose,
        "plate": question.plate,
        "well": question.well,
        "count": question.count,
        "fdr": fdr,
        "method": settings.method,
        "permutations": settings.permutations,
        "seed": settings.seed,
        "control_fit": settings.control_fit,
    }
    asked |= {"within": list(question.within)} if question.within else {}
    if features is not None:
        asked["features"] = features if isinstance(features, str) else list(features)
    return asked | ({"blocks": blocks} if blocks else {})


def _counts(profiles: pd.DataFrame, count: str) -> Doubles:
    """Return the cell counts; all missing where the table has no column of the usual name."""
    if count == COUNT and COUNT not in profiles:
        return np.full(len(profiles), np.nan)
    values = profiles[require(profiles, count, "count")[0]].to_numpy(dtype=np.float64, na_value=np.nan)
    if (values < 0).any() or np.isinf(values).any():
        raise InputError(f"count={count!r}: cell counts are 0 or more and finite.")
    return values


def _called(hits: pd.DataFrame, fdr: float, family: Indices | None) -> pd.DataFrame:
    """Return the rows with the q-values that decide, and which are hits."""
    if family is not None:
        grouped = benjamini_bogomolov(hits["p_value"].to_numpy(), family, fdr)
        hits = hits.assign(q_value=grouped.q_value, group_q_value=grouped.group_q_value[family])
    return hits.assign(hit=(hits["q_value"] <= fdr).to_numpy(dtype=bool))


def _ranked(hits: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return hits first, then by q-value, then by the lower end of the interval of the effect, then by its size."""
    grouped = "group_q_value" in hits
    keys = ["hit", "group_q_value" if grouped else "q_value", "map_ci_low", "mahalanobis"]
    ranked = hits.sort_values(keys, ascending=[False, True, False, False], kind="stable", ignore_index=True)
    columns = list(COLUMNS)
    if grouped:
        columns.insert(columns.index("q_value") + 1, "group_q_value")
    if "block" in hits:
        at = columns.index("p_value")
        columns[at:at] = ["block", *(str(name) for name in hits if str(name).startswith("p_") and name not in columns)]
    return ranked.assign(rank=np.arange(1, len(ranked) + 1))[["rank", *names, *columns]]


def _audits(profiles: pd.DataFrame, question: Question, design: Design, controls: pd.DataFrame) -> dict[str, list]:
    """Return what the audits of controls, plates and wells found, as plain records."""
    by, plate, well = question.keys, str(question.plate), question.well
    labels = compare_labels(profiles, design.x, design.plate, by, plate, well)
    try:
        plates = compare_plates(profiles, design.x, by, plate, well, count=question.count)
        moved, sentence = plates[plates["verdict"].isin(SUSPECT)].to_dict("records"), layout_sentence(plates)
    except PlateLayoutError as error:  # names of wells matter to no other part of the list
        moved, sentence = [], f"layout audit: not done; {error}"
    return {
        "audit": controls.to_dict("records"),
        "layout_audit": moved,
        "label_audit": labels[labels["verdict"] == SWAPPED].to_dict("records"),
        "sentences": [*controls["message"], sentence, label_sentence(labels, plate, well), *design.notes],
    }
