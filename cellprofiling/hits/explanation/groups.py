"""Which features are one group: by their names, by a user's table, or by what goes together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import require
from cellprofiling.core.errors import FeatureError, InputError, listed
from cellprofiling.core.ledgers import Line, lines
from cellprofiling.core.names import BETWEEN_CHANNELS, parse_features
from cellprofiling.hits.explanation.vocabulary import aspects_of, polarity_of
from cellprofiling.kernels.arrays import Doubles, Indices
from cellprofiling.kernels.similarity.correlation_clusters import correlation_clusters

Groups = pd.DataFrame | Mapping[str, str] | pd.Series | None

COLUMNS = ["group", "compartment", "feature_group", "channel"]
CLUSTER = "Cluster"


@dataclass(frozen=True)
class FeatureGroups:
    """Groups of features, sorted by name.

    Attributes
    ----------
    table : `group`, `compartment`, `feature_group`, `channel` of each; None where a group has no such part.
    members : columns of each group, as numbers.
    names : the names of all features.
    aspects, polarity : which way each feature points (see `words`).
    measures : a short name of each feature within its group.
    by_name : whether names made the groups, and not a table.
    left_out : ledger lines for features of no group.
    """

    table: pd.DataFrame
    members: list[Indices]
    names: tuple[str, ...]
    aspects: Doubles
    polarity: Doubles
    measures: tuple[str, ...]
    by_name: bool
    left_out: list[Line]


def find_groups(features: tuple[str, ...], groups: Groups, x: Doubles) -> FeatureGroups:
    """Return the groups of features; `x` holds all wells about their plates and decides where names do not."""
    parsed = parse_features(features)
    aspects = aspects_of(parsed)
    rows, left_out = (_by_name(parsed, x), []) if groups is None else _by_table(features, groups)
    labels = rows["group"].to_numpy(dtype=object)
    known = sorted({label for label in labels if label is not None})
    first = [next(i for i, label in enumerate(labels) if label == name) for name in known]
    members = [np.flatnonzero(labels == name) for name in known]
    polarity = polarity_of(aspects, parsed) if groups is None else np.ones(len(features))
    return FeatureGroups(
        rows.iloc[first].reset_index(drop=True),
        members,
        features,
        aspects if groups is None else np.zeros((len(features), aspects.shape[1])),
        polarity,
        tuple(_short(*row) for row in zip(features, parsed["measure"], parsed["scale"], strict=True)),
        groups is None,
        left_out,
    )


def _by_name(parsed: pd.DataFrame, x: Doubles) -> pd.DataFrame:
    """Return compartment, group and channel of each feature; those without a group are clustered."""
    unnamed = parsed["group"].isna().to_numpy() | (parsed["group"] == "Embedding").to_numpy()
    channel = parsed["channel"].map(_both_ways, na_action="ignore").to_numpy(dtype=object)
    parts = pd.DataFrame(
        {"compartment": parsed["compartment"], "feature_group": parsed["group"], "channel": channel}, dtype=object
    )
    parts = parts.where(parts.notna(), None)
    labels = [" ".join(filter(None, row)) for row in parts.itertuples(index=False)]
    result = parts.assign(group=np.array(labels, dtype=object))[COLUMNS]
    if unnamed.any():
        labels, kind = _clusters(x[:, unnamed], parsed.loc[unnamed, "name"].to_numpy(dtype=object)), CLUSTER
        result.loc[unnamed, COLUMNS] = pd.DataFrame(
            {"group": labels, "compartment": None, "feature_group": kind, "channel": None}, dtype=object
        ).to_numpy()
    return result


def _both_ways(channel: str) -> str:
    """Return the channels of a pair in one order: K_DNA_ER and K_ER_DNA are one group."""
    return BETWEEN_CHANNELS.join(sorted(channel.split(BETWEEN_CHANNELS)))


def _clusters(x: Doubles, names: NDArray[np.object_]) -> list[str]:
    """Return the cluster of each unnamed feature, called after the feature in its middle."""
    codes, middle = correlation_clusters(x, int(np.ceil(np.sqrt(x.shape[1]))))
    sizes = np.bincount(codes)
    called = [str(names[i]) if n == 1 else f"{names[i]} and {n - 1} alike" for i, n in zip(middle, sizes, strict=True)]
    return [called[code] for code in codes]


def _by_table(features: tuple[str, ...], groups: Groups) -> tuple[pd.DataFrame, list[Line]]:
    """Return the group of each feature as a user's table has it, and lines for features that it does not name."""
    of = _as_mapping(groups)
    missing = [name for name in of if name not in set(features)]
    if missing:
        raise FeatureError(
            f"groups: {len(missing)} of {len(of)} features are no features of the profiles: {listed(missing)}."
        )
    labels = np.array([of.get(name) for name in features], dtype=object)
    lost = [name for name, label in zip(features, labels, strict=True) if label is None]
    table = pd.DataFrame({"group": labels, "compartment": None, "feature_group": labels, "channel": None}, dtype=object)
    return table, lines("explain", "feature", lost, "in no group of the table groups")


def _as_mapping(groups: Groups) -> dict[str, str]:
    if isinstance(groups, pd.DataFrame):
        require(groups, ["feature", "group"], "groups")
        pairs: Iterable[tuple] = zip(groups["feature"], groups["group"], strict=True)
    elif isinstance(groups, Mapping | pd.Series):
        pairs = groups.items()
    else:
        raise InputError(
            f"groups: expected a table with columns feature and group, or {{feature: group}}, "
            f"got {type(groups).__name__}."
        )
    found: dict[str, str] = {}
    for feature, group in pairs:
        if pd.isna(group):
            continue
        if found.setdefault(str(feature), str(group)) != str(group):
            raise InputError(f"groups: {feature!r} is in two groups, {found[str(feature)]!r} and {group!r}.")
    if not found:
        raise InputError("groups: the table puts no feature in any group.")
    return found


def _short(name: str, measure: str | None, scale: str | None) -> str:
    return " ".join(filter(None, (measure, scale))) or name
