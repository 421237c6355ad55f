"""Each column of a table once, with the role it plays and the reason."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cellprofiling.core.account.spelling import canonical
from cellprofiling.core.account.vocabulary import (
    BOOKKEEPING,
    CONTROL,
    COUNT,
    DOSE,
    FEATURE,
    LABEL,
    MEASURES,
    PERTURBATION,
    PLATE,
    POSITION,
    PREFIX,
    QUALITY,
    STRATUM,
    UNUSED,
    WELL,
    role_of_words,
    without_prefix,
    words,
)
from cellprofiling.core.columns import By, Reference, columns_once, is_metadata, named, require
from cellprofiling.core.dialects import BOOKKEEPING as GRAMMAR_BOOKKEEPING
from cellprofiling.core.dialects import MORPHOLOGY
from cellprofiling.core.errors import nearest
from cellprofiling.core.names import Feature, recognize
from cellprofiling.core.plates import is_well

NUMBER, TEXT, TRUTH, OTHER = "number", "text", "truth", "other"  # kinds of values

# Less than this share of the number columns known by name: the program that wrote them is not one whose grammar is
# known, and a single lucky name ("Area") must not turn all the others into labels.
FEWEST_KNOWN = 0.1
OBJECTS = ("Cells", "Nuclei", "Cytoplasm")  # a number with this prefix was measured on them, whatever it is called
ROWS_OF_A_NUMBERING = 20  # in fewer rows, 1, 2, 3 ... may be a measurement

# Groups of CellProfiler that are no features, by what they are for
FIELD = ("Image", "AreaOccupied")
GROUP_ROLES = {"Count": COUNT, "ImageQuality": QUALITY, "Threshold": QUALITY}
WHY_FIELD = "measured on the field, not on its cells"
WHY_UNEXPLAINED = "a number whose name no grammar knows, among columns whose names it does know"
WHY_NOT_NAMED = "not among features="
WHY_NO_NUMBER = "named like a measurement, but not all values are numbers"

WHY = {
    POSITION: "says where an object or a well lies",
    BOOKKEEPING: "says which object, image or file this is",
    COUNT: "counts objects",
    QUALITY: "says how good an image or a row is",
    LABEL: "named like a label",
}


class Column(NamedTuple):
    """A column and what it is taken for.

    Attributes
    ----------
    name : as it stands in the table.
    role : one of `vocabulary.ROLES`.
    why : what says so, in a few words.
    kind : of its values: number, text, truth (yes and no), other (lists).
    by_grammar : whether the grammar of feature names knows it, as whatever.
    """

    name: Hashable
    role: str
    why: str
    kind: str = TEXT
    by_grammar: bool = False


@dataclass(frozen=True)
class Named:
    """What the user says of columns, in the words of the verbs; None where nothing was said."""

    by: By = None
    reference: Reference = None
    within: By = None
    plate: str | None = None
    well: str | None = None
    dose: str | None = None

    def roles(self, profiles: pd.DataFrame) -> dict[Hashable, tuple[str, str]]:
        """Return the role and the reason of each column that is named; a column that does not exist is an error."""
        said = {"reference": (CONTROL, named(self.reference, profiles.columns))} | {
            argument: (role, require(profiles, columns, argument))
            for argument, role, columns in (
                ("within", STRATUM, self.within),
                ("dose", DOSE, self.dose),
                ("by", PERTURBATION, self.by),
                ("well", WELL, self.well),
                ("plate", PLATE, self.plate),
            )
        }
        return {name: (role, f"named in {word}=") for word, (role, names) in said.items() for name in names}


def columns_of(
    profiles: pd.DataFrame, said: Named | None = None, *, features: Sequence[str] | str | None = None
) -> tuple[Column, ...]:
    """Return each column of a table once, in its order, with its role.

    Parameters
    ----------
    profiles : one row per cell, site, well or perturbation.
    said : which columns the user named, and as what.
    features : the measured columns, "all", or None: what the grammar of names takes (see `features_of`).

    Notes
    -----
    What is named by the user is what the user says. A name with the prefix `Metadata_` is never a feature; its words
    tell its role, and it is a label where they do not. Without the prefix, a number is a feature if the grammar of
    feature names knows it as a measurement, and is not if the grammar or its words know it as anything else; words
    such as "area" and "intensity" make it one. A number that none of these knows is a feature where the grammar knows
    the names of fewer than a tenth of such columns, or where the name begins as known features do (`Nuclei_...`);
    otherwise it is a label. Texts and truth values are labels. Roles that only one column can have (plate, well, dose,
    perturbation) go to the likeliest name. Only what a table holds decides: not its dtypes, the order of its rows or
    of its columns.
    """
    columns_once(profiles)
    spoken = (said or Named()).roles(profiles)
    columns = [_column(profiles, name, dtype, spoken.get(name)) for name, dtype in profiles.dtypes.items()]
    columns = _unexplained(profiles, columns)
    columns = _chosen(profiles, columns, spoken)
    if features is None:
        return tuple(columns)
    if isinstance(features, str) and features == "all":
        return tuple(_all(column) for column in columns)
    wanted = set(require(profiles, features, "features"))
    return tuple(_wanted(column, column.name in wanted) for column in columns)


def names_of(columns: Iterable[Column], role: str) -> list[Any]:
    """Return the names of the columns that play a role."""
    return [column.name for column in columns if column.role == role]


def one_of_role(columns: Iterable[Column], role: str) -> Any:
    """Return the name of the first column that plays a role, None if there is none."""
    return next((column.name for column in columns if column.role == role), None)


def kind_of(values: pd.Series) -> str:
    """Return what the values of a column are, whatever the dtype that holds them: number, text, truth or other."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of(pd.Series(values.cat.categories[np.unique(values.cat.codes[values.cat.codes >= 0])]))
    if pd.api.types.is_bool_dtype(dtype):
        return TRUTH
    if is_numeric(dtype):
        return NUMBER
    if not (pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype)):
        return OTHER
    try:
        distinct = pd.Series(values.dropna().unique(), dtype=object)
    except TypeError:  # lists cannot be compared
        return OTHER
    if len(distinct) and distinct.map(lambda value: isinstance(value, bool | np.bool_)).all():
        return TRUTH
    return NUMBER if len(distinct) and as_numbers(distinct).notna().all() else TEXT


def as_numbers(values: pd.Series) -> pd.Series:
    """Return values as doubles, missing where one is no number."""
    if is_numeric(values.dtype):
        return values.astype("float64")
    return pd.to_numeric(values.astype(object).map(_plain_number), errors="coerce").astype("float64")


def _plain_number(value: Any) -> Any:
    """Return a number of any class (Decimal, Fraction) as a float, anything else as it is."""
    return float(value) if isinstance(value, Number) and not isinstance(value, complex) else value  # type: ignore[arg-type]


def is_numeric(dtype: Any) -> bool:
    """Return whether a dtype holds real numbers; truth values and complex numbers are none."""
    types = pd.api.types
    return types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype) and not types.is_complex_dtype(dtype)


def _column(profiles: pd.DataFrame, name: Hashable, dtype: Any, spoken: tuple[str, str] | None) -> Column:
    """Return a column with its role as far as its own name and kind tell it; "" where they do not."""
    text = str(name)
    kind = NUMBER if is_numeric(dtype) else kind_of(profiles[name])
    if spoken:
        return Column(name, *spoken, kind=kind)
    if PREFIX.match(text):
        return _metadata(name, kind)
    feature = recognize(text)
    if feature.group or feature.compartment:  # a program's own grammar, whatever the words sound like
        return _by_grammar(name, feature, kind)
    worded = role_of_words(text)
    if worded:
        return Column(name, worded[0], _why(worded[0]), kind)
    if feature.kind in WHY:
        return Column(name, feature.kind, _why(feature.kind), kind)
    measure = MEASURES.search(words(text))
    if measure and kind == NUMBER:
        return Column(name, FEATURE, f"a measurement by its name ({measure[0]})", kind, True)
    return Column(name, "" if kind == NUMBER else LABEL, f"{_a(kind)}, no number", kind)


def _metadata(name: Hashable, kind: str) -> Column:
    worded = role_of_words(str(name))
    if worded:
        return Column(name, worded[0], _why(worded[0]), kind)
    return Column(name, LABEL, "metadata, by its prefix", kind)


def _by_grammar(name: Hashable, feature: Feature, kind: str) -> Column:
    if feature.kind == MORPHOLOGY:
        parts = ", ".join(part for part in (feature.compartment, feature.group) if part)
        if kind == NUMBER:
            return Column(name, FEATURE, f"a measurement by its name ({parts})", kind, True)
        return Column(name, UNUSED, WHY_NO_NUMBER, kind, True)
    worded = role_of_words(str(name))
    if worded and worded[0] == COUNT:
        return Column(name, COUNT, _why(COUNT), kind, True)
    if feature.kind == GRAMMAR_BOOKKEEPING and feature.group in FIELD and kind == NUMBER:
        return Column(name, UNUSED, WHY_FIELD, kind, True)
    role = GROUP_ROLES.get(feature.group or "", feature.kind)
    return Column(name, role, _why(role), kind, True)


def _why(role: str) -> str:
    return WHY.get(role, f"named like a {role}")


def _a(kind: str) -> str:
    return {TEXT: "text", TRUTH: "yes and no", OTHER: "lists or other objects"}.get(kind, kind)


def _unexplained(profiles: pd.DataFrame, columns: list[Column]) -> list[Column]:
    """Return the columns with a role for the numbers that no name explains."""
    measured = [column for column in columns if column.role == FEATURE]
    open_ones = [column for column in columns if not column.role]
    strict = bool(measured) and len(measured) >= FEWEST_KNOWN * (len(measured) + len(open_ones))
    compartments = {recognize(str(column.name)).compartment for column in measured} - {None}
    return [column if column.role else _explained(profiles, column, strict, compartments) for column in columns]


def _explained(profiles: pd.DataFrame, column: Column, strict: bool, compartments: set[str | None]) -> Column:
    if _is_numbering(profiles[column.name]):
        return column._replace(role=BOOKKEEPING, why="numbers the rows from first to last")
    if not strict:
        return column._replace(role=FEATURE, why="a number, and no name in this table is one that a grammar knows")
    compartment = str(column.name).partition("_")[0]
    if compartment in compartments or compartment in OBJECTS:
        return column._replace(role=FEATURE, why=f"a number named like the measurements of {compartment}")
    return column._replace(role=LABEL, why=WHY_UNEXPLAINED)


def _is_numbering(values: pd.Series) -> bool:
    """Return whether values are 0, 1, 2 ... or 1, 2, 3 ..., each once, in any order."""
    numbers = as_numbers(values).to_numpy(dtype="float64", na_value=np.nan)
    n = len(numbers)
    if n < ROWS_OF_A_NUMBERING or numbers[0] != np.round(numbers[0]) or not np.isfinite(numbers).all():
        return False
    low = numbers.min()
    return bool(low in (0, 1) and numbers.max() == low + n - 1 and len(np.unique(numbers)) == n)


def _chosen(profiles: pd.DataFrame, columns: list[Column], spoken: Mapping[Hashable, tuple[str, str]]) -> list[Column]:
    """Return the columns with one plate, one well, one dose and one perturbation, or the ones that were named."""
    for role in (PLATE, WELL, DOSE, PERTURBATION):
        rivals = [column for column in columns if column.role == role]
        if not rivals:
            continue
        named_ones = [column.name for column in rivals if column.name in spoken]
        taken = named_ones or [min(rivals, key=lambda column: _unlikeliness(profiles, column)).name]
        why = f"another name of the {role}; {str(taken[0])!r} is taken"
        columns = [
            column._replace(role=LABEL, why=why) if column.role == role and column.name not in taken else column
            for column in columns
        ]
    return columns


def _unlikeliness(profiles: pd.DataFrame, column: Column) -> tuple[Any, ...]:
    """Return a key by which the likeliest column of a role comes first, whatever the order of the columns."""
    worded = role_of_words(str(column.name))
    unfit = column.role == WELL and not _holds_wells(profiles[column.name])
    empty = not profiles[column.name].notna().any()
    return empty, unfit, worded[1] if worded else 9, not is_metadata(column.name), str(column.name)


def _holds_wells(values: pd.Series) -> bool:
    return all(is_well(text) for text in canonical(values, well=True).dropna().unique())


def _all(column: Column) -> Column:
    """Return a column as features="all" takes it: every number without prefix that is not a label or a numbering."""
    measured = column.by_grammar or column.role == FEATURE or column.why == WHY_UNEXPLAINED
    if column.kind == NUMBER and measured and not PREFIX.match(str(column.name)):
        return column._replace(role=FEATURE, why='features="all"')
    return column


def _wanted(column: Column, wanted: bool) -> Column:
    if wanted:
        return column._replace(role=FEATURE, why="named in features=")
    return column._replace(role=UNUSED, why=WHY_NOT_NAMED) if column.role == FEATURE else column


def nearest_known(column: Column) -> str:
    """Return " Did you mean 'Metadata_Plate'?" where a label is written almost like a name of this package."""
    usual = ("Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_Compound", "Metadata_Dose")
    unclear = column.role == LABEL and role_of_words(str(column.name)) is None and column.name not in usual
    return nearest("Metadata_" + without_prefix(column.name), usual) if unclear else ""
