"""Which perturbations have other shares of the kinds of cells than the controls of their plates."""

import re

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from cellprofiling.cells.kinds.subpopulation_shares import SAMPLED, SHARE
from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE, By, Reference, columns_once, groups, require, rows
from cellprofiling.core.errors import FeatureError, ReferenceRowsError, listed
from cellprofiling.core.ledgers import written
from cellprofiling.kernels.arrays import Doubles, Indices, Mask
from cellprofiling.kernels.inference.composition import difference, log_ratios

COLUMNS = ["p_value", "q_value", "p_floor", "n_wells", "n_controls", "subpopulation", "share", "control_share"]


def compare_subpopulations(
    wells: pd.DataFrame,
    *,
    by: By,
    reference: Reference,
    plate: str | None = PLATE,
    permutations: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Test each perturbation for other shares of the kinds of cells than the controls of its plates.

    Parameters
    ----------
    wells : pandas.DataFrame
        One row per well, as `subpopulations` returns it: shares ``Subpopulation_1``, ``Subpopulation_2``, and so on,
        and ``Metadata_Sampled_Count``.
    by : str or list of str
        Metadata columns that name a perturbation.
    reference : str, dict or sequence of bool
        Which wells are the negative controls.
    plate : str or None, default "Metadata_Plate"
        The column inside which wells are exchangeable.
    permutations : int, default 10_000
        Random assignments per test, at most; a design with no more is enumerated.
    seed : int, default 0
        Seed of the random assignments.

    Returns
    -------
    pandas.DataFrame
        One row per perturbation, sorted by key: the `by` columns, ``p_value``, ``q_value`` (Benjamini-Hochberg),
        ``p_floor`` (the smallest p-value attainable), ``n_wells``, ``n_controls``, and the ``subpopulation`` whose
        log-ratio changes most with its ``share`` and ``control_share`` (means over wells).

    Raises
    ------
    FeatureError
        If there are no shares, or they do not add up to 1.
    ReferenceRowsError
        If all wells are controls, or a plate has no control.
    InputError
        If a column or the reference is unknown.

    See Also
    --------
    subpopulations : Where the shares come from.

    Notes
    -----
    Shares add up to 1, so that one cannot change alone. They are compared as centered log-ratios, log p_k less the mean
    over k, with half a cell added to each kind. The statistic is the sum over kinds of the squared mean difference from
    the controls of the plate, in SDs of the wells of the test; whole wells change labels inside plates, and ties count
    against the perturbation.

    References
    ----------
    Aitchison, J. R. Stat. Soc. B 44, 139 (1982), https://doi.org/10.1111/j.2517-6161.1982.tb01195.x;
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), https://doi.org/10.2202/1544-6115.1585.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> controls = "Metadata_Role == 'negcon'"
    >>> screen = cpf.simulate_screen("hetero", compounds=12, controls=12, cells_per_well=40, features=40)
    >>> wells = cpf.subpopulations(screen.cells, reference=controls, n=4, platemap=screen.platemap)
    >>> found = cpf.compare_subpopulations(wells, by="Metadata_Compound", reference=controls, permutations=999)
    >>> bool(found["p_value"].between(found["p_floor"], 1).all())
    True
    """
    checks.arguments(locals(), by=checks.columns, plate=checks.optional(checks.column))
    columns_once(wells)
    names = [str(name) for name in wells if re.fullmatch(rf"{SHARE}\d+", str(name))]
    require(wells, [SAMPLED], "wells")
    shares = wells[names].to_numpy(np.float64)
    if not names or not np.allclose(shares.sum(axis=1), 1, atol=1e-6):
        raise FeatureError(f"wells: the columns {SHARE}1, {SHARE}2 ... must be there and add up to 1 in each well.")
    is_control = rows(wells, reference)
    if is_control.all():
        raise ReferenceRowsError(f"reference={reference!r}: all {len(wells)} wells are controls; none is left to test.")
    plates, plate_keys = groups(wells, plate, "plate")
    bare = np.setdiff1d(plates[~is_control], plates[is_control])
    if len(bare):
        raise ReferenceRowsError(
            f"reference: plates {listed(map(str, plate_keys.iloc[bare, 0]))} have no control well; leave them out or "
            "widen the reference."
        )
    codes, keys = groups(wells[~is_control], by)
    group = np.full(len(wells), -1)
    group[~is_control] = codes
    ratios = log_ratios(shares, wells[SAMPLED].to_numpy(np.intp))
    found = [
        _tested(np.flatnonzero(group == number), is_control, plates, shares, ratios, names, permutations, seed)
        for number in range(len(keys))
    ]
    result = pd.concat([keys, pd.DataFrame(found)], axis=1)
    result["q_value"] = false_discovery_control(result["p_value"])
    return written(result[[*keys, *COLUMNS]], wells)


def _tested(
    treated: Indices,
    is_control: Mask,
    plates: Indices,
    shares: Doubles,
    ratios: Doubles,
    names: list[str],
    permutations: int,
    seed: int,
) -> dict[str, object]:
    controls = np.flatnonzero(is_control & np.isin(plates, plates[treated]))
    blocks = []
    for plate in np.unique(plates[treated]):
        parts = [some[plates[some] == plate] for some in (treated, controls)]
        parts = [part[np.lexsort(ratios[part].T)] for part in parts]  # so that names and order of wells have no say
        blocks.append((len(parts[0]), len(parts[1]), ratios[parts[0][0]].tolist(), np.concatenate(parts)))
    blocks.sort(key=lambda block: block[:3])
    order = np.concatenate([block[3] for block in blocks])
    n_treated, n_control = (np.array([block[i] for block in blocks], dtype=np.intp) for i in (0, 1))
    shift, test = difference(ratios[order], n_treated, n_control, permutations, seed)
    most = int(np.argmax(np.abs(shift)))
    return {
        "p_value": test.p_value,
        "p_floor": test.p_floor,
        "n_wells": len(treated),
        "n_controls": len(controls),
        "subpopulation": names[most],
        "share": float(shares[treated, most].mean()),
        "control_share": float(shares[controls, most].mean()),
    }
