"""What a verb leaves as it was: numbers that must not stand beside changed ones."""

from dataclasses import replace

from cellprofiling.core.account.roles import NUMBER, Column, columns_of
from cellprofiling.core.account.vocabulary import BOOKKEEPING, FEATURE, POSITION, PREFIX, QUALITY, UNUSED
from cellprofiling.core.columns import By
from cellprofiling.core.errors import listed
from cellprofiling.core.frame import Table
from cellprofiling.core.ledgers import Line, lines

MEASURED = (FEATURE, POSITION, BOOKKEEPING, QUALITY, UNUSED)  # roles of numbers that a verb changes or leaves out


def without_remainder(table: Table, step: str, *used: By) -> tuple[Table, list[Line]]:
    """Return a table without the number columns that a step does not change, and the ledger line that names them.

    Metadata, labels and what says what a row is (plate, well, dose, time, count) stay, and so do the columns `used` by
    the step.
    """
    kept = {name for names in used for name in ([names] if isinstance(names, str) else names or ())}
    unnamed = [name for name in table.metadata.columns if name not in kept and not PREFIX.match(str(name))]
    names = [column.name for column in columns_of(table.metadata[unnamed]) if _is_measured(column)]
    if not names:
        return table, []
    reason = f"left out: {step} does not change it, and changed numbers stand alone"
    left = replace(table, metadata=table.metadata.drop(columns=names))
    return left, lines(step, "column", [listed(names, limit=3)], reason, n=len(names))


def _is_measured(column: Column) -> bool:
    return column.role == UNUSED or (column.kind == NUMBER and column.role in MEASURED)
