"""Whether plates lie as their map says: turned, flipped, shifted, or made with another map."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import COUNT, PLATE, WELL, By
from cellprofiling.core.ledgers import written
from cellprofiling.core.methods import Method, table_of
from cellprofiling.hits.audits.plate_patterns import Plates, find_plates
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.plates.layouts import (
    AS_RECORDED,
    CANNOT_TELL,
    MOVED,
    OTHER,
    LayoutScores,
    compare_layouts,
)
from cellprofiling.kernels.plates.layouts import TRANSFORMS as UNDONE

SUSPECT = (MOVED, OTHER)
WORDS = {
    AS_RECORDED: "The plate lies as its map says.",
    "rotated by 180 degrees": "The plate was put in the wrong way round.",
    "flipped left to right": "Columns were counted from the other end.",
    "flipped top to bottom": "Rows were counted from the other end.",
    "shifted one row down": "All wells lie one row below their place.",
    "shifted one row up": "All wells lie one row above their place.",
    "shifted one column right": "All wells lie one column to the right of their place.",
    "shifted one column left": "All wells lie one column to the left of their place.",
}
TRANSFORMS = table_of(*(Method(name, WORDS[name], undo) for name, undo in UNDONE.items()))
COLUMNS = [
    *("layout", "n_replicates", "n_wells", "recorded_score", "best_transform", "score", "best_layout"),
    *("best_layout_score", "verdict", "message"),
]


def audit_layout(
    profiles: pd.DataFrame,
    platemaps: pd.DataFrame | str | None = None,
    *,
    by: By = None,
    plate: str = PLATE,
    well: str = WELL,
    count: str = COUNT,
    features: Sequence[str] | None = None,
) -> pd.DataFrame:
    """
    Compare each plate with the other plates of its layout, as recorded, turned, flipped, shifted, and with other maps.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row per well. Plates are compared by the logarithm of `count`, where there is such a column, and by the
        first three principal components of the features, where there are features. Counts alone are enough.
    platemaps : str, pandas.DataFrame or None, default None
        Which plates share a layout. A column of `profiles` with the name of the map of each plate; or a table with one
        row per plate (plate and name of the map), or with one row per well (plate, well and what is in it). None:
        plates whose wells hold the same by `by` are of one layout.
    by : str, list of str or None, default None
        Metadata columns that name what is in a well; used where `platemaps` is None.
    plate, well, count : str
        Columns with the plate, the well and the number of cells.
    features : sequence of str or None, default None
        The features; None takes all there are, ``()`` none.

    Returns
    -------
    pandas.DataFrame
        One row per plate, by name: the plate; ``layout``; ``n_replicates`` (other plates of the layout); ``n_wells``
        (shared with them); ``recorded_score`` (correlation with them as recorded); ``best_transform`` and ``score``
        (what fits best, and its correlation); ``best_layout`` and ``best_layout_score`` (which map fits best as
        recorded); ``verdict`` and ``message``. Verdicts: "as recorded"; "moved" (`best_transform` says how); "other
        layout" (`best_layout` says which); "cannot tell" (no replicate plate, or no pattern in common).

    Raises
    ------
    InputError
        If nothing says which plates share a layout, or counts are negative.
    ColumnError
        If a column is missing, a plate has no map or two, or there is nothing to compare plates by.
    PlateLayoutError
        If two rows are the same well, or a well name is impossible.

    See Also
    --------
    audit_labels : Find single wells that were swapped.

    Notes
    -----
    Transforms are "as recorded", "rotated by 180 degrees", "flipped left to right", "flipped top to bottom", "shifted
    one row down", "shifted one row up", "shifted one column right" and "shifted one column left".

    Row and column effects are taken out by median polish, so that gradients and edges, which all plates share, say
    little. The score is the median over the other plates of the layout of the Pearson correlation over shared wells,
    the mean of several measures; the median keeps one turned plate from making its replicates suspect. With Fisher's
    z(r) = atanh(r) a transform or map is believed if its z exceeds 0 by 4 standard errors 1 / sqrt(n - 3), and that of
    the recorded one by 4 sqrt(2). With one replicate plate nobody can say which of the two was turned; the message
    says so. A layout that is symmetric, or replicates that were all turned alike, cannot be seen through.

    References
    ----------
    Fisher, Metron 1, 3 (1921), https://hdl.handle.net/2440/15169; Tukey, Exploratory Data Analysis (1977).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cellprofiling as cpf
    >>> wells = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]
    >>> drugs = np.random.default_rng(0).normal(6, 0.5, 96)
    >>> cells = [np.exp(drugs), np.exp(drugs), np.exp(drugs[::-1])]
    >>> counts = pd.DataFrame({"Metadata_Plate": np.repeat(["P1", "P2", "P3"], 96), "Metadata_Well": wells * 3,
    ...                        "Metadata_Map": "M", "Metadata_Object_Count": np.concatenate(cells).round()})
    >>> cpf.audit_layout(counts, "Metadata_Map")["best_transform"].tolist()
    ['as recorded', 'as recorded', 'rotated by 180 degrees']
    """
    checks.arguments(locals(), platemaps=checks.optional(checks.either(checks.table, checks.column)))
    plates = find_plates(profiles, by=by, plate=plate, well=well, count=count, platemaps=platemaps, features=features)
    return written(_compared(plates, plate), profiles)


def compare_plates(
    profiles: pd.DataFrame, x: Doubles, by: list[str], plate: str, well: str, *, count: str
) -> pd.DataFrame:
    """Return what `audit_layout` does of features `x` that have been read."""
    return _compared(find_plates(profiles, by=by, plate=plate, well=well, count=count, x=x), plate)


def _compared(plates: Plates, plate: str) -> pd.DataFrame:
    scores = compare_layouts(plates.patterns, plates.layout, len(plates.layout_names))
    result = pd.DataFrame([_row(plates, scores, number) for number in range(len(plates.names))], columns=COLUMNS)
    result.insert(0, plate, plates.names)
    return result


def layout_sentence(audit: pd.DataFrame) -> str:
    """Return in a sentence what `audit_layout` found."""
    counts = audit["verdict"].value_counts()
    bad = audit[audit["verdict"].isin(SUSPECT)]
    if counts.get(CANNOT_TELL, 0) == len(audit):
        return "layout audit: cannot tell, no plate has replicates with a pattern in common"
    agree = f"{counts.get(AS_RECORDED, 0)} of {len(audit)} plates agree with the other plates of their layout"
    return f"layout audit: {agree}" + "".join(f"; {message}" for message in bad["message"])


def _row(plates: Plates, scores: LayoutScores, number: int) -> dict:
    """Return what the scores of one plate say."""
    fit, name = scores.fit(number), plates.names[number]
    row = {
        "layout": plates.layout_names[plates.layout[number]],
        "n_replicates": int(scores.n_replicates[number]),
        "n_wells": scores.n_wells[number],
        "recorded_score": scores.moved[0, number],
        "best_transform": fit.transform,
        "score": fit.score,
        "best_layout": plates.layout_names[fit.layout],
        "best_layout_score": fit.layout_score,
    }
    if fit.verdict == MOVED:
        return row | _said(MOVED, _moved_message(name, row))
    if fit.verdict == OTHER:
        return row | _said(OTHER, _layout_message(name, row))
    if fit.verdict == AS_RECORDED:
        return row | _said(AS_RECORDED, f"plate {name} fits its layout as recorded")
    if not row["n_replicates"] or np.isnan(fit.score):
        return row | _said(CANNOT_TELL, f"plate {name} has no replicate plate to be compared with")
    return row | _said(CANNOT_TELL, f"plate {name} shares no clear pattern with its replicates")


def _said(verdict: str, message: str) -> dict[str, str]:
    return {"verdict": verdict, "message": message}


def _moved_message(plate: str, row: dict) -> str:
    who = f"plate {plate}" if row["n_replicates"] > 1 else f"plate {plate} or the only other plate of its layout"
    return (
        f"{who} looks {row['best_transform']} (correlation {row['score']:.2f} with its replicates then, "
        f"{row['recorded_score']:.2f} as recorded)"
    )


def _layout_message(plate: str, row: dict) -> str:
    return (
        f"plate {plate} looks like one of {row['best_layout']} (correlation {row['best_layout_score']:.2f}), not of "
        f"{row['layout']} ({row['recorded_score']:.2f})"
    )
