"""The whole job on a simulated screen, judged by its truth."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cellprofiling.core.errors import plural
from cellprofiling.recipe.run import run_recipe


@dataclass(frozen=True)
class Verdict:
    """How a hit list compares with the truth of a simulated screen."""

    n_active: int
    n_found: int
    n_false: int
    n_tested: int

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        false = plural(self.n_false, "false hit")
        n_inert = self.n_tested - self.n_active
        return f"{self.n_found} of {self.n_active} active compounds found, {false} among {n_inert} inert ones"


def run_demo(preset: str, out: Path, *, seed: int = 0, tell: Callable[[str], Any] = str) -> Verdict:
    """Simulate a screen into `out/screen`, run it into `out/results`, and return how many hits are true."""
    from cellprofiling.simulate.screen import simulate_screen

    tell("simulating a screen")
    screen = simulate_screen(preset, seed=seed)
    folder = screen.write(out / "screen")
    tables = run_recipe(folder / "screen.yaml", out / "results", tell=tell)
    return judge(tables["hits"], screen.truth.compounds)


def judge(hits: pd.DataFrame, truth: pd.DataFrame) -> Verdict:
    """Return how many of the active compounds a hit list finds, and how many others it names.

    A compound that only kills cells is active too: fewer cells have more room, and that shows.
    """
    called = set(hits.loc[hits["hit"], "Metadata_Compound"])
    tested = set(hits["Metadata_Compound"])
    active = set(truth.loc[truth["active"] | truth["toxic"], "Metadata_Compound"]) & tested
    return Verdict(len(active), len(called & active), len(called - active), len(tested))
