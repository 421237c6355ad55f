"""The fingerprint of a perturbation: one strip per block, features side by side with those of their group."""

from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from cellprofiling.core import checks
from cellprofiling.core.errors import InputError
from cellprofiling.core.names import parse_features
from cellprofiling.kernels.arrays import Doubles
from cellprofiling.plot import style

STRIPS = {
    "level": "level",
    "spread": "spread",
    "ks": "Kolmogorov-\nSmirnov",
    "w1": "Wasserstein",
}
DEPENDENCE = "Dependence_PC"
HEIGHT = 0.78  # of a strip, in distances between strips
NARROW = 0.012  # share of all features below which a group is not named
LEAST, MOST = 3.0, 10.0  # bounds of the color scale


def fingerprint(profiles: pd.DataFrame, *, limit: float | None = None, ax: Axes | None = None) -> Axes:
    """
    Draw the fingerprint of one perturbation: a strip for each block, features sorted into their groups.

    Parameters
    ----------
    profiles : pandas.DataFrame
        Rows of `fingerprint`, as a rule the wells of one perturbation in standard deviations of control wells
        (``normalize(table, "standardize", reference=...)``); the mean of the rows is drawn.
    limit : float or None, default None
        Where the colors end; None takes the 99th percentile of what is drawn, between 3 and 10.
    ax : matplotlib.axes.Axes or None, default None
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.images`` are the strips, from above.

    Raises
    ------
    InputError
        If there is no row, or no column of a block that is drawn: level, spread, ks, w1, dependence.

    Notes
    -----
    Features lie in the order of compartment, group and channel; lines part groups. The dependence has no features:
    its strip holds the pairs of components, those with the first component first, over the same width.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> controls = "Metadata_Role == 'negcon'"
    >>> screen = cpf.simulate_screen("hetero", plates=1, compounds=4, controls=6, cells_per_well=30, features=40)
    >>> table = cpf.fingerprint(screen.cells, reference=controls, platemap=screen.platemap, components=5)
    >>> wells = cpf.normalize(cpf.annotate(table, screen.platemap), "standardize", reference=controls)
    >>> ax = cpf.plot.fingerprint(wells.query("Metadata_Compound == 'CPD-001'"))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['level', 'spread', 'dependence']
    """
    checks.arguments(locals(), limit=checks.optional(checks.positive))
    if not len(profiles):
        raise InputError("profiles: the table has no rows; give the wells of a perturbation.")
    found = _strips(profiles)
    if not found:
        raise InputError("profiles: no columns of level, spread, ks, w1 or dependence, as fingerprint() makes them.")
    strips = {words: profiles[names].to_numpy(dtype=np.float64).mean(axis=0) for words, names in found.items()}
    features = next((names for words, names in found.items() if words != "dependence"), [])
    width = max(map(len, strips.values()))
    ax = style.axes(ax, 9.0, 1.3 + 0.42 * len(strips))
    most = limit or _limit(np.concatenate(list(strips.values())))
    for row, values in enumerate(strips.values()):
        drawn = ax.imshow(
            np.ma.masked_invalid(values)[None],
            extent=(0, width, row + HEIGHT / 2, row - HEIGHT / 2),
            norm=Normalize(-most, most),
            cmap=style.DIVERGING,
            aspect="auto",
            interpolation="none",
        )
    style.quiet(ax)
    ax.spines[:].set_visible(False)
    ax.set(xlim=(0, width), ylim=(len(strips) - 0.5, -0.5))
    ax.set_yticks(range(len(strips)), list(strips))
    ax.tick_params(length=0, labelcolor=style.INK)
    n_named = sum(words != "dependence" for words in strips)
    _name_groups(ax, features, width, n_named)
    style.color_bar(ax, drawn, "mean of wells")
    return ax


def _strips(profiles: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns of each strip, features in the order of their groups."""
    found = {}
    for ending, words in STRIPS.items():
        names = [str(name) for name in profiles if str(name).endswith(f"__{ending}")]
        if names:
            found[words] = _sorted(names)
    pairs = [str(name) for name in profiles if str(name).startswith(DEPENDENCE)]
    return found | ({"dependence": pairs} if pairs else {})


def _sorted(names: list[str]) -> list[str]:
    parsed = parse_features(names)
    keys = parsed[["compartment", "group", "channel", "name"]].fillna("")
    return keys.sort_values(["compartment", "group", "channel", "name"], kind="stable")["name"].tolist()


def _limit(values: Doubles) -> float:
    present = np.abs(values[np.isfinite(values)])
    return float(np.clip(np.quantile(present, 0.99) if len(present) else LEAST, LEAST, MOST))


def _name_groups(ax: Axes, features: list[str], width: int, n_strips: int) -> None:
    """Part the groups by lines; write their names below and those of compartments above."""
    parsed = parse_features(features)
    compartments = parsed["compartment"].fillna("").tolist()
    groups = parsed["group"].fillna("other").tolist()
    step = width / max(1, len(features))
    ticks, names, start = [], [], 0
    for (compartment, group), members in groupby(zip(compartments, groups, strict=True)):
        n = len(list(members))
        if start:
            new = compartments[start - 1] != compartment
            color, thick = (style.INK, 1.0) if new else (style.PAPER, 0.6)
            ax.plot([start * step] * 2, [-0.5, n_strips - 0.5], color=color, lw=thick)
        if n >= NARROW * len(features):
            ticks.append((start + n / 2) * step)
            names.append(style.words(group, 22))
        start += n
    ax.set_xticks(ticks, names, rotation=40, ha="right", rotation_mode="anchor", fontsize=7)
    start = 0
    for compartment, members in groupby(compartments):
        n = len(list(members))
        ax.text((start + n / 2) * step, -0.55, compartment, ha="center", va="bottom", fontsize=8, color=style.INK)
        start += n
