"""The hit list as rows of words: the evidence, the interval, the reason."""

from typing import Any

from cellprofiling.core.errors import plural
from cellprofiling.report.record.sources import Sources
from cellprofiling.report.record.tables import Column, Grid
from cellprofiling.report.record.words import amount, finite, joined, number, percent, score

MOST = 20_000  # perturbations on the page


def hits_grid(sources: Sources, names: list[str], codes: dict[str, int], effects: dict[str, list[str]]) -> Grid:
    """Return the hit list; `codes` numbers the perturbations as the wells do, `effects` are words on some of them."""
    hits, called = sources.hits.head(MOST), sources.called.tolist()
    rows = [_row(*each, effects) for each in zip(hits.to_dict("records"), names, called, strict=False)]
    return Grid(
        name="hits",
        caption="Perturbations in the order of the evidence",
        columns=(
            Column("#", "number"),
            Column("Perturbation", "name"),
            Column("Hit", "hit"),
            Column("Score", "score", "mean average precision, with its 95 % interval"),
            Column("q", "number", "the smallest false discovery rate at which it is a hit"),
            Column("p", "number"),
            Column("Cells", "number", "cell count relative to controls"),
            Column("Wells", "number", "wells, and the plates they lie on"),
            Column("Why", "why"),
        ),
        rows=rows,
        filter="Filter by name or reason",
        keys=tuple(codes.get(name, -1) for name in names[:MOST]),
        quiet=tuple(place for place, hit in enumerate(called[:MOST]) if not hit),
    )


def _row(row: dict[Any, Any], name: str, hit: bool, effects: dict[str, list[str]]) -> list[Any]:
    low, middle, high = (finite(row.get(key)) for key in ("map_ci_low", "map", "map_ci_high"))
    interval = "" if low is None else f"{score(low)}–{score(high)}"
    floor = " floor" if row.get("p_value", 1) <= row.get("p_floor", 0) else ""
    known = [joined([row.get("top_features")])] if hit and _text(row.get("top_features")) else []
    return [
        [number(row.get("rank")), finite(row.get("rank"))],
        name,
        hit,
        [score(middle), interval, place(low), place(middle), place(high)],
        [amount(row.get("q_value")), finite(row.get("q_value"))],
        [amount(row.get("p_value")) + floor, finite(row.get("p_value"))],
        [percent(row.get("cell_count_ratio"), digits=2), finite(row.get("cell_count_ratio"))],
        [f"{number(row.get('n_wells'))} / {number(row.get('n_plates'))}", finite(row.get("n_wells"))],
        [joined([row.get("reason")]), " ".join([*effects.get(name, []), *known]), ""],
    ]


def hits_sentence(sources: Sources) -> str:
    """Return how many hits there are, at which rate, and how many of them the page holds."""
    n, fdr = len(sources.hits), sources.parameters.get("fdr")
    at = "" if fdr is None else f" at a false discovery rate of {percent(fdr)}"
    shown = f" The page holds the first {number(MOST)} of them." if n > MOST else ""
    return f"{number(sources.called.sum())} of {plural(n, 'perturbation')} are called hits{at}.{shown}"


def place(value: Any) -> float:
    """Return where a score between 0 and 1 lies on its bar, in percent."""
    return 0.0 if value is None else round(100 * min(max(float(value), 0.0), 1.0), 1)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
