"""What is asked of a table of wells: which columns say what a well holds, where it lies, and its controls."""

from dataclasses import dataclass, replace

import pandas as pd

from cellprofiling.core.columns import COUNT, PLATE, WELL, By, Reference, require


@dataclass(frozen=True)
class Question:
    """Columns and controls as the user named them.

    Attributes
    ----------
    by : columns that name a perturbation.
    reference : which wells are the controls.
    plate : the column inside which wells are exchangeable; None where all wells are.
    well, count : columns with the position of a well and the number of its cells.
    dose : the column of doses, each of which is a row of its own.
    within : columns in which a well and the controls it is compared with agree, beside the plate.
    says_within : whether the user said so, be it that there are none.
    """

    by: tuple[str, ...]
    reference: Reference
    plate: str | None = PLATE
    well: str = WELL
    count: str = COUNT
    dose: str | None = None
    within: tuple[str, ...] = ()
    says_within: bool = False

    @property
    def keys(self) -> list[str]:
        """The columns that name a row of the answer: perturbation, dose and stratum."""
        return list(dict.fromkeys([*self.by, *([self.dose] if self.dose else []), *self.within]))

    @property
    def block(self) -> list[str]:
        """The columns inside which wells are exchangeable: plate and stratum."""
        return list(dict.fromkeys([*([self.plate] if self.plate else []), *self.within]))

    def of(self, reference: Reference) -> "Question":
        """Return the question with other controls."""
        return replace(self, reference=reference)


def ask(
    profiles: pd.DataFrame,
    by: By,
    reference: Reference,
    *,
    plate: str | None = PLATE,
    dose: str | None = None,
    within: By = None,
    **positions: str,
) -> Question:
    """Return the question whose columns the table has; an absent one is an error that names the argument.

    Parameters
    ----------
    positions : `well` and `count`, which need not be there.
    """
    names = require(profiles, by, "by")
    require(profiles, dose, "dose")
    require(profiles, plate, "plate")
    strata = tuple(name for name in require(profiles, within, "within") if name != plate)
    return Question(
        tuple(names), reference, plate, dose=dose, within=strata, says_within=within is not None, **positions
    )
