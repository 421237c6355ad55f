"""How a test is made: the statistic, how often wells are permuted, and what is fitted anew each time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellprofiling.core.errors import one_of
from cellprofiling.hits.calling.metric import CONTROL_FITS
from cellprofiling.hits.calling.statistics import METHODS, TestStatistic


@dataclass(frozen=True)
class Settings:
    """What a user may choose of a test, in the words of `activity`."""

    method: str = "map"
    permutations: int = 10_000
    seed: int = 0
    control_fit: str = "refit"
    options: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what no test can be made with."""
        one_of("method", self.method, METHODS)
        one_of("control_fit", self.control_fit, CONTROL_FITS)

    def statistic(self) -> TestStatistic:
        """Return the statistic with its options."""
        row = METHODS[self.method]
        return row(**row.chosen(self.options))
