"""One profile per perturbation, and what it must not share with its neighbors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellprofiling.core.columns import METADATA, By, groups, require
from cellprofiling.core.errors import ColumnError, listed, one_of
from cellprofiling.core.frame import complete, split
from cellprofiling.hits.design import Features
from cellprofiling.hits.retrieval.precision import METRICS
from cellprofiling.kernels.scale.groups import group_statistics, grouping
from cellprofiling.kernels.scale.order import content_order

AVERAGES = ("mean", "median")


@dataclass(frozen=True)
class Treatments:
    """Perturbations in arrays, sorted by key.

    Attributes
    ----------
    keys : the `by` columns, one row per perturbation.
    unit : their averaged profiles as unit vectors; zero where a profile has no direction.
    rank : the place of each in an order by content.
    codes : number of the perturbation of each row of the table.
    """

    keys: pd.DataFrame
    unit: NDArray[np.float64]
    rank: NDArray[np.intp]
    codes: NDArray[np.intp]

    @property
    def dead(self) -> list[str]:
        """The names of perturbations without direction."""
        return [str(key) for key in self.names[~np.any(self.unit != 0, axis=1)]]

    @property
    def names(self) -> NDArray[np.object_]:
        """What perturbations are called: their key, or its parts joined."""
        parts = self.keys.astype(str)
        first, rest = parts.iloc[:, 0], parts.iloc[:, 1:]
        return (first.str.cat(rest, sep=" / ") if rest.shape[1] else first).to_numpy(dtype=object)


def average_treatments(
    profiles: pd.DataFrame, by: By, average: str, metric: str, features: Features = None
) -> Treatments:
    """Average the rows of each perturbation."""
    one_of("average", average, AVERAGES)
    one_of("metric", metric, METRICS)
    table = complete(split(profiles, features))
    codes, keys = groups(profiles, by)
    if not len(keys.columns):
        raise ColumnError("by=None: name the columns that tell perturbations apart.")
    order = content_order(table.x, np.argsort(np.array(table.features, dtype=str), kind="stable"))
    by_group = grouping(codes[order], len(keys))
    x = group_statistics(np.ascontiguousarray(table.x[order].T, dtype=np.float64), by_group, [average])[0]
    rank = np.empty(len(keys), dtype=np.intp)
    rank[content_order(x, np.argsort(np.array(table.features, dtype=str), kind="stable"))] = np.arange(len(keys))
    return Treatments(keys, METRICS[metric](np.ascontiguousarray(x)), rank, codes)


def one_value(profiles: pd.DataFrame, treatments: Treatments, column: str, argument: str) -> NDArray[np.object_]:
    """Return the value of a column for each perturbation, missing where it has none; two values are an error."""
    known = profiles[column].notna().to_numpy()
    values = pd.DataFrame({"code": treatments.codes[known], "value": profiles[column].to_numpy(dtype=object)[known]})
    values = values.drop_duplicates().sort_values("code", kind="stable")
    several = values.loc[values["code"].duplicated(), "code"].unique()
    if len(several):
        raise ColumnError(
            f"{argument}={column!r}: differs between the rows of {listed(treatments.names[several])}; name the "
            "perturbations with more columns in by."
        )
    result = np.full(len(treatments.keys), None, dtype=object)
    result[values["code"]] = values["value"]
    return result


def memberships(profiles: pd.DataFrame, treatments: Treatments, column: str, argument: str) -> NDArray[np.bool_]:
    """Return which values of a column the rows of each perturbation have, shape (n_perturbations, n_values)."""
    values, _ = groups(profiles, column, argument)
    result = np.zeros((len(treatments.keys), values.max(initial=-1) + 1), dtype=bool)
    result[treatments.codes, values] = True
    return result


def metadata_columns(profiles: pd.DataFrame, names: str | Sequence[str], argument: str) -> list[str]:
    """Return columns; a word that is none stands for the metadata of that name: "compound" for "Metadata_Compound"."""
    given = [names] if isinstance(names, str) else list(names)
    known = {str(column).lower(): str(column) for column in profiles.columns}
    found = [name if name in profiles else known.get(f"{METADATA}{name}".lower(), name) for name in given]
    return require(profiles, found, argument)
