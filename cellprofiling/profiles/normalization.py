"""Features put on a common scale, group by group, against reference rows."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import FileFormatError, InputError, one_of
from cellprofiling.core.frame import PLATE, By, Reference, require, rows, split
from cellprofiling.profiles.methods import chosen_options
from cellprofiling.profiles.normalization_fit import KIND, METHODS, Normalization

ZERO_SCALE = ("drop", "keep", "error")


def normalize(
    profiles: pd.DataFrame,
    method: str = "mad_robustize",
    *,
    by: By = PLATE,
    reference: Reference = None,
    features: Sequence[str] | None = None,
    zero_scale: str = "drop",
    min_reference: int = 2,
    **method_options: Any,
) -> pd.DataFrame:
    """
    Return profiles with each feature centered and scaled to the reference rows of its group.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table.
    method : {"mad_robustize", "robustize", "standardize"}, default "mad_robustize"
        What location and scale are; see Notes.
    by : str, list of str, or None, default "Metadata_Plate"
        Metadata columns; each group is scaled to its own reference rows. None takes all rows as one group.
    reference : str, dict, array of bool, or None, default None
        Which rows location and scale are measured on (a query, ``{column: value}``, or a mask); None for all rows.
    features : list of str or None, default None
        Names of the features to scale; None for all.
    zero_scale : {"drop", "keep", "error"}, default "drop"
        What happens to a feature without spread in the reference rows of a group: dropped for all groups, with a line
        in the ledger; kept and only centered, in the units it had; or an error that names it.
    min_reference : int, default 2
        How many reference rows each group must have. With fewer than about 16 the spread itself is a rough estimate.
    **method_options : float
        ``ddof=0`` of ``standardize``; ``mad_scale=1.4826`` of ``mad_robustize``.

    Returns
    -------
    pandas.DataFrame
        The table with the same rows, its metadata first, its features rescaled.

    Raises
    ------
    ReferenceRowsError
        A group has fewer than `min_reference` reference rows.
    FeatureError
        A feature has no value in the reference rows of a group, or no feature has a spread.
    InputError
        A method, or an option of a method, that does not exist.

    See Also
    --------
    fit_normalization : Keep what was learned, for later plates.

    Notes
    -----
    ==============  ========  ==============================================================================
    method          location  scale
    ==============  ========  ==============================================================================
    standardize     mean      standard deviation, the sum of squares divided by n - `ddof`
    robustize       median    interquartile range (linear percentiles)
    mad_robustize   median    `mad_scale` times the median absolute deviation; 1.4826 makes it the standard
                              deviation of a normal sample, 1 is the convention of the JUMP recipe
    ==============  ========  ==============================================================================

    Missing values are skipped, and stay missing. A spread that is rounding noise of the location (a constant computed
    in floating point) is no spread. Statistics are computed in float64; float32 tables stay float32.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame(
    ...     {"Metadata_Role": ["negcon", "negcon", "negcon", "treatment"], "Cells_AreaShape_Area": [9.0, 10, 11, 30]}
    ... )
    >>> cpf.normalize(wells, "standardize", by=None, reference="Metadata_Role == 'negcon'", ddof=1)
      Metadata_Role  Cells_AreaShape_Area
    0        negcon                  -1.0
    1        negcon                   0.0
    2        negcon                   1.0
    3     treatment                  20.0
    """
    fit = fit_normalization(
        profiles,
        method,
        by=by,
        reference=reference,
        features=features,
        zero_scale=zero_scale,
        min_reference=min_reference,
        **method_options,
    )
    return fit.apply(profiles)


def fit_normalization(
    profiles: pd.DataFrame,
    method: str = "mad_robustize",
    *,
    by: By = PLATE,
    reference: Reference = None,
    features: Sequence[str] | None = None,
    zero_scale: str = "drop",
    min_reference: int = 2,
    **method_options: Any,
) -> Normalization:
    """
    Return what `normalize` would learn from these profiles, to apply it to other profiles.

    Parameters
    ----------
    profiles : pandas.DataFrame
        A profile table.
    method : {"mad_robustize", "robustize", "standardize"}, default "mad_robustize"
        As in `normalize`.
    by : str, list of str, or None, default "Metadata_Plate"
        As in `normalize`.
    reference : str, dict, array of bool, or None, default None
        As in `normalize`. A query or a mapping finds the reference rows of later plates too; a mask cannot.
    features : list of str or None, default None
        As in `normalize`.
    zero_scale : {"drop", "keep", "error"}, default "drop"
        As in `normalize`.
    min_reference : int, default 2
        As in `normalize`.
    **method_options : float
        As in `normalize`.

    Returns
    -------
    Normalization
        The fit, with ``.apply(profiles)`` and ``.save(path)``.

    Raises
    ------
    InputError
        As in `normalize`.

    See Also
    --------
    normalize : Fit and apply in one call.
    load_fit : Read a saved fit.

    Examples
    --------
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> march = pd.DataFrame({"Metadata_Plate": "P1", "Cells_AreaShape_Area": [9.0, 10, 11]})
    >>> fit = cpf.fit_normalization(march, "standardize", by=None, ddof=1)
    >>> fit.apply(pd.DataFrame({"Metadata_Plate": "P2", "Cells_AreaShape_Area": [30.0]}))
      Metadata_Plate  Cells_AreaShape_Area
    0             P2                  20.0
    """
    one_of("method", method, METHODS)
    one_of("zero_scale", zero_scale, ZERO_SCALE)
    if min_reference < 1:
        raise InputError(f"min_reference={min_reference!r}: at least 1 row is needed, and 2 to measure a spread.")
    table = split(profiles, features)
    masked = not isinstance(reference, str | Mapping | None)
    nothing = np.empty((0, len(table.features)))
    fit = Normalization(
        method=method,
        options=chosen_options(method, METHODS[method], method_options),
        by=require(profiles, by, "by"),
        reference=None if masked else reference,
        masked=masked,
        zero_scale=zero_scale,
        min_reference=min_reference,
        features=table.features,
        keys=[],
        location=nothing,
        scale=nothing,
    )
    return fit.measured(table, profiles, rows(profiles, reference))


def load_fit(path: str | Path) -> Normalization:
    """
    Return a fit that was written with its `save`.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    Normalization
        The fit, equal to the one that was saved.

    Raises
    ------
    FileFormatError
        The file is missing, damaged, or not a saved fit.

    See Also
    --------
    fit_normalization : Make a fit.

    Examples
    --------
    >>> import pandas as pd, pathlib, tempfile
    >>> import cellprofiling as cpf
    >>> wells = pd.DataFrame({"Cells_AreaShape_Area": [9.0, 10, 11]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = cpf.fit_normalization(wells, by=None).save(pathlib.Path(folder) / "fit.json")
    ...     cpf.load_fit(file).apply(wells).round(2)
       Cells_AreaShape_Area
    0                 -0.67
    1                  0.00
    2                  0.67
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"path={str(path)!r}: cannot be read as a saved fit ({error}).") from error
    if not isinstance(record, dict) or record.pop("kind", None) != KIND:
        raise FileFormatError(f"path={str(path)!r}: not a file written by fit_normalization(...).save(path).")
    keys = [tuple(key) for key in record.pop("keys")]
    location, scale = np.array(record.pop("location")), np.array(record.pop("scale"))
    return Normalization(**record, keys=keys, location=location, scale=scale)
