"""Arrays as the page carries them: bytes in base64, floats rounded to steps where there are very many."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprofiling.report.page.wells import MANY, MORE, Wells

STEPS = {"u1": 254, "u2": 65534}  # the next code is a missing value


def codes(values: NDArray[np.intp]) -> dict[str, Any]:
    """Return whole numbers from 0 in the fewest bytes that hold them."""
    most = int(values.max(initial=0))
    kind = "u1" if most < 2**8 else "u2" if most < 2**16 else "u4"
    return {"type": kind, "data": _text(values.astype(f"<{kind}"))}


def floats(values: NDArray[np.float64], kind: str) -> dict[str, Any]:
    """Return numbers as float32 ("f4"), or in equal steps from the least to the greatest ("u2", "u1")."""
    if kind == "f4":
        return {"type": kind, "data": _text(values.astype("<f4"))}
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 0.0)
    step = (high - low) / STEPS[kind] or 1.0
    rounded = np.full(len(values), STEPS[kind] + 1)
    rounded[known] = np.rint((values[known] - low) / step)
    return {"type": kind, "low": low, "step": step, "data": _text(rounded.astype(f"<{kind}"))}


def packed(wells: Wells) -> dict[str, Any]:
    """Return all that the script needs to know about wells."""
    n = len(wells.plate)
    kind = "f4" if n <= MANY else "u2" if n <= MORE else "u1"
    place = "f4" if n <= MANY else "u2"  # a point of the embedding keeps more
    record: dict[str, Any] = {
        "plates": wells.plates,
        "names": wells.names,
        "shape": list(wells.shape),
        "plate": codes(wells.plate),
        "place": codes(wells.place),
        "name": codes(wells.name),
        "kind": codes(wells.kind),
        "metrics": [
            {
                "name": metric.name,
                "values": floats(metric.values, kind),
                "effects": floats(metric.effects.ravel(), "f4"),
                "limits": [metric.low, metric.high],
                "spread": metric.spread,
            }
            for metric in wells.metrics
        ],
    }
    if wells.x is not None and wells.y is not None:
        record |= {"x": floats(wells.x, place), "y": floats(wells.y, place)}
    if wells.drawn is not None:
        record["drawn"] = codes(wells.drawn)
    return record


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
