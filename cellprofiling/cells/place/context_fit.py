"""What crowding and the like explain of each feature: curves, learned from cells of the same control wells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.preprocessing import SplineTransformer

from cellprofiling.core.columns import Reference, describe_reference, groups
from cellprofiling.core.errors import InputError, ReferenceRowsError, listed
from cellprofiling.kernels.arrays import Doubles, Mask
from cellprofiling.kernels.models.least_squares import slopes

Reader = Callable[[Sequence[str]], Doubles]

KNOTS = (0.02, 0.25, 0.5, 0.75, 0.98)  # where between the covariates of control cells the curve may bend
SPARE = 30  # control cells of a group beyond the terms of the fit
AT_ONCE = 64  # features that are read at a time


@dataclass(frozen=True)
class ContextPlan:
    """What is asked for, checked."""

    covariates: list[str]
    by: list[str]
    wells: list[str]
    reference: Reference
    asked: list[str]
    features: list[str]

    @property
    def columns(self) -> list[str]:
        """What to read of each cell to know its covariates and its group."""
        return list(dict.fromkeys([*self.by, *self.covariates]))


@dataclass(frozen=True)
class Curve:
    """The terms of one covariate: a step if `spline` is None."""

    spline: SplineTransformer | None
    usual: Doubles

    def terms(self, values: Doubles) -> Doubles:
        """Return the terms of each cell less their mean in controls, shape (n_cells, n_terms)."""
        known = np.isfinite(values)
        found = np.zeros((len(values), len(self.usual)))
        if known.any():
            column = values[known, None]
            found[known] = (column if self.spline is None else self.spline.transform(column)) - self.usual
        return found


@dataclass(frozen=True)
class Context:
    """What the context explains in the cells of one group: the curves, and slopes of shape (n_terms, n_features)."""

    curves: tuple[Curve, ...]
    slopes: Doubles

    def explained(self, covariates: Doubles, columns: Sequence[int]) -> Doubles:
        """Return what the context explains of some features of cells with these covariates."""
        return _terms(self.curves, covariates) @ self.slopes[:, columns]


@dataclass(frozen=True)
class Contexts:
    """What the context explains in each group, by its key."""

    plan: ContextPlan
    groups: Mapping[tuple[object, ...], Context]

    def corrected(self, cells: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        """Return some features of cells less what the context explains of them."""
        places = [self.plan.features.index(name) for name in features]
        codes, keys = groups(cells, self.plan.by)
        covariates, x = numbers(cells, self.plan.covariates), np.array(numbers(cells, features))
        for code, key in enumerate(_keys(keys)):
            here = codes == code
            x[here] -= self.groups[key].explained(covariates[here], places)
        corrected = pd.DataFrame(x, index=cells.index, columns=list(features))
        return corrected.astype({name: cells[name].dtype for name in features if _is_float(cells[name])})


def learn(cells: pd.DataFrame, reference: Mask, plan: ContextPlan, read: Reader) -> Contexts:
    """Fit each group; `cells` has the keys and covariates, `read` returns features of all cells."""
    codes, keys = groups(cells, plan.by)
    covariates = numbers(cells, plan.covariates)
    wells = groups(cells, plan.wells)[0]
    controls = [np.flatnonzero((codes == code) & reference) for code in range(len(keys))]
    curves = [_curves(covariates[of], plan, _where(keys, code)) for code, of in enumerate(controls)]
    terms = [_terms(found, covariates[of]) for found, of in zip(curves, controls, strict=True)]
    found = [np.empty((each.shape[1], len(plan.features))) for each in terms]
    for start in range(0, len(plan.features), AT_ONCE):
        x = read(plan.features[start : start + AT_ONCE])
        for code, of in enumerate(controls):
            found[code][:, start : start + AT_ONCE] = slopes(terms[code], x[of], codes=wells[of])
    contexts = [Context(*each) for each in zip(curves, found, strict=True)]
    return Contexts(plan, dict(zip(_keys(keys), contexts, strict=True)))


def _curves(covariates: Doubles, plan: ContextPlan, where: str) -> tuple[Curve, ...]:
    """Return the curves of the covariates of the reference cells of a group."""
    needed = SPARE + len(KNOTS) * covariates.shape[1]
    if len(covariates) < needed:
        raise ReferenceRowsError(
            f"reference={describe_reference(plan.reference)}: matches {len(covariates)} cells{where}, and {needed} are "
            "needed: widen the reference, or fit groups together with a coarser by."
        )
    return tuple(
        _curve(values[np.isfinite(values)], name, where)
        for name, values in zip(plan.covariates, covariates.T, strict=True)
    )


def _curve(values: Doubles, name: str, where: str) -> Curve:
    if len(values) == 0 or values.min() == values.max():
        raise InputError(
            f"covariates={name!r}: one value in all reference cells{where}, so nothing can be learned from it: leave "
            "it out, or fit groups together with a coarser by."
        )
    knots = np.unique(np.quantile(values, KNOTS))
    if len(np.unique(values)) == 2 or len(knots) < 3:
        return Curve(None, np.array([values.mean()]))
    spline = SplineTransformer(degree=3, knots=knots[:, None], extrapolation="linear", include_bias=False)
    return Curve(spline, spline.fit_transform(values[:, None]).mean(axis=0))


def _terms(curves: Sequence[Curve], covariates: Doubles) -> Doubles:
    return np.hstack([curve.terms(values) for curve, values in zip(curves, covariates.T, strict=True)])


def _keys(keys: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(keys.itertuples(index=False, name=None)) if keys.shape[1] else [()]


def _where(keys: pd.DataFrame, code: int) -> str:
    return f" of {listed(keys.iloc[code])}" if keys.shape[1] else ""


def numbers(cells: pd.DataFrame, names: Sequence[str]) -> Doubles:
    return cells[list(names)].to_numpy(dtype=np.float64, na_value=np.nan)


def _is_float(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column)
