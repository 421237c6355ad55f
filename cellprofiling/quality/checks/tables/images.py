"""The checks of images: focus, saturation and scaling, from the measures of CellProfiler's MeasureImageQuality."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import PLATE, WELL
from cellprofiling.core.errors import listed
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.kernels.scale.spread import mad
from cellprofiling.quality.rules import Check, Rules, skipped
from cellprofiling.quality.screen import Screen

MEASURE = re.compile(r"ImageQuality_(?P<measure>PowerLogLogSlope|PercentMaximal|MaxIntensity|Scaling)_(?P<channel>.+)")
NAMES = ("images.focus", "images.saturation", "images.scaling")
FEWEST = 20  # images whose median tells what is in focus


def image_quality(screen: Screen, rules: Rules) -> Iterator[Check]:
    """Check focus, saturation and scaling of images, channel by channel."""
    if screen.images is None:
        yield from (skipped(rules[name], screen.lacks("images")) for name in NAMES)
        return
    found: dict[str, dict[str, Doubles]] = {}
    for name in sorted(map(str, screen.images.columns)):
        if match := MEASURE.fullmatch(name):
            found.setdefault(match["measure"], {})[match["channel"]] = screen.images[name].to_numpy(
                dtype=np.float64, na_value=np.nan
            )
    keys = screen.images[[name for name in (PLATE, WELL) if name in screen.images]]
    yield from _focus(screen, rules, keys, found.get("PowerLogLogSlope", {}))
    yield from _saturation(rules, keys, found.get("PercentMaximal", {}), found.get("MaxIntensity", {}))
    yield from _scaling(rules, found.get("Scaling", {}))


def _focus(screen: Screen, rules: Rules, keys: pd.DataFrame, slopes: dict[str, Doubles]) -> Iterator[Check]:
    """Yield a line per plate: the channel with the largest share of images far below the median of its batch."""
    rule, well_rule = rules["images.focus"], rules["images.blurred"]
    if not slopes:
        yield skipped(rule, "The images have no PowerLogLogSlope.")
        return
    plate = keys[PLATE].to_numpy(dtype=object)
    of_plate = dict(zip(screen.keys[PLATE], screen.batch, strict=True))
    batch = np.array([str(of_plate.get(name, "")) for name in plate], dtype=object)
    z = {channel: _by_batch(values, batch) for channel, values in slopes.items()}
    for name in sorted(set(plate)):
        shares = {
            channel: _share(deviation[plate == name], rule.number("deviation")) for channel, deviation in z.items()
        }
        channel = min(shares, key=lambda each: (-np.nan_to_num(shares[each], nan=-1.0), each))
        share, n = shares[channel], int((plate == name).sum())
        message = f"{100 * share:.1f} % of {n} images of plate {name} are out of focus in {channel}, its worst channel."
        if np.isnan(share):
            message = f"The {n} images of plate {name} do not tell what is in focus."
        yield Check(rule, rule.status(share), message, str(name), value=share, n=n)
    if WELL in keys:
        blurred = np.nan_to_num(np.min(list(z.values()), axis=0)) < -rule.number("deviation")
        wells = keys.assign(blurred=blurred).groupby([PLATE, WELL])["blurred"].agg(["sum", "size"])
        for name, well, n_blurred, n in wells[wells["sum"] > 0].reset_index().itertuples(index=False):
            message = f"{n_blurred} of {n} images of {name} {well} are out of focus."
            yield Check(well_rule, "warn", message, str(name), str(well), float(n_blurred / n), n=int(n))


def _saturation(
    rules: Rules, keys: pd.DataFrame, maximal: dict[str, Doubles], most: dict[str, Doubles]
) -> Iterator[Check]:
    """Yield a line per plate; PercentMaximal alone counts pixels at the image's own maximum, which may be dark."""
    rule = rules["images.saturation"]
    channels = sorted(set(maximal) & set(most))
    if not channels:
        yield skipped(rule, "The images have no PercentMaximal with MaxIntensity beside it.")
        return
    plate = keys[PLATE].to_numpy(dtype=object)
    for name in sorted(set(plate)):
        here = plate == name
        saturated = {
            c: (maximal[c][here] > rule.number("percent")) & (most[c][here] >= rule.number("intensity"))
            for c in channels
        }
        channel = min(channels, key=lambda each: (-saturated[each].mean(), each))
        share, n = float(saturated[channel].mean()), int(here.sum())
        message = f"{100 * share:.1f} % of {n} images of plate {name} are saturated in {channel}, its worst channel."
        yield Check(rule, rule.status(share), message, str(name), value=share, n=n)


def _scaling(rules: Rules, scaling: dict[str, Doubles]) -> Iterator[Check]:
    rule = rules["images.scaling"]
    if not scaling:
        yield skipped(rule, "The images have no Scaling.")
        return
    several = [channel for channel, values in scaling.items() if len(np.unique(values[np.isfinite(values)])) > 1]
    message = "Every channel was read on one scale throughout."
    if several:
        message = f"Images of {listed(several)} were read on different scales: their intensities cannot be compared."
    yield Check(rule, rule.status(len(several)), message, value=len(several), n=len(scaling))


def _by_batch(values: Doubles, batch: NDArray[np.object_]) -> Doubles:
    """Return robust deviations from the median of the batch; NaN where it has few images or no spread."""
    out = np.full(len(values), np.nan)
    for name in set(batch):
        here = (batch == name) & np.isfinite(values)
        if here.sum() >= FEWEST and (spread := float(mad(values[here]))) > 0:
            out[here] = (values[here] - np.median(values[here])) / spread
    return out


def _share(z: Doubles, limit: float) -> float:
    known = z[np.isfinite(z)]
    return float((known < -limit).mean()) if len(known) else np.nan
