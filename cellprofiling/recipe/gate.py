"""What the verdict of a finished run means for whoever waits for it."""

from dataclasses import dataclass
from pathlib import Path

from cellprofiling.quality.settings import stops
from cellprofiling.recipe.results import RESULTS
from cellprofiling.recipe.schema import load_recipe


@dataclass(frozen=True)
class Gate:
    """The verdict in a sentence, and whether a pipeline should stop at it."""

    sentence: str
    stops: bool


def read_gate(recipe: Path, out: Path) -> Gate:
    """Return the gate of a run into `out`, as the screen.yaml sets it."""
    record = RESULTS["quality"].read(out)
    counts = record["summary"]["checks"]
    found = [name for name, n in counts.items() if n]
    named = [f"{counts[name]} {name}" for name in ("fail", "warn", "inconclusive") if counts[name]]
    sentence = " ".join([record["status"], *([f"({', '.join(named)})"] if named else [])])
    return Gate(sentence, stops(record["status"], found, load_recipe(recipe).quality.fail_on))
