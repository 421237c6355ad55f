"""Which rows a query means: a small language of comparisons, read into a tree and evaluated here.

A query comes from whoever wrote a recipe. Nothing can be reached from it but the columns of the table: no variable, no
attribute, no function beyond those listed here. What people write for `pandas.DataFrame.query` means the same.
"""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core.errors import ReferenceRowsError, listed, nearest

LONGEST = 20_000  # characters of a query: a list of some thousand compounds
DEEPEST = 60  # parts within parts: what a person writes has some ten
FORMS = "==, !=, <, <=, >, >=, in, not in, and, or, not, is missing, between, startswith, endswith, contains"
LARGEST = 1e300  # of a number that is written: beyond it arithmetic ends in infinity

# A text in quotes, or a column between backticks
QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`([^`]*)`")
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|⟨\d+⟩"
WORDS: tuple[tuple[re.Pattern[str], str], ...] = (  # our own words, as the membership that Python's grammar knows
    (re.compile(r"\bis\s+not\s+(?:missing|null|na)\b", re.IGNORECASE), "not in ⟪missing⟫()"),
    (re.compile(r"\bis\s+(?:missing|null|na)\b", re.IGNORECASE), "in ⟪missing⟫()"),
    (re.compile(rf"\b(not\s+)?between\s+({NUMBER})\s+and\s+({NUMBER})"), r"\1in ⟪between⟫(\2, \3)"),
    (re.compile(r"\b(not\s+)?(startswith|endswith|contains)\s+(⟨\d+⟩)"), r"\1in ⟪\2⟫(\3)"),
)
OPERATORS = (("&&", " and "), ("||", " or "), ("&", " and "), ("|", " or "))


class Unreadable(Exception):
    """A query that is not of this language; says why, without the query."""


@dataclass(frozen=True)
class Query:
    """A query read into a tree.

    Attributes
    ----------
    tree : of Python's grammar, with a name for each column.
    names : the column that each name of the tree stands for.
    texts : the texts that the query quotes, by the names that stand for them.
    """

    tree: ast.expr
    names: Mapping[str, str]

    @property
    def columns(self) -> list[str]:
        """The columns that are asked for, in order, each once."""
        return list(self.names.values())


@lru_cache(maxsize=256)
def parse(query: str) -> Query:
    """Return a query as a tree; what is not of the language is `Unreadable`."""
    if len(query) > LONGEST:
        raise Unreadable(f"it has {len(query):,} characters, more than {LONGEST:,}: name many values as a mapping")
    if set("⟨⟪ˍ") & set(query):
        raise Unreadable("the signs ⟨, ⟪ and ˍ have no meaning in a query: say it as a mapping, {column: value}")
    quotes: list[str] = []

    def kept(match: re.Match[str]) -> str:
        quotes.append(match[0])
        return f"⟨{len(quotes) - 1}⟩"

    plain = QUOTED.sub(kept, query)
    if "@" in plain:
        raise Unreadable("@ names a variable of a program, and a query knows columns and values only")
    for pattern, form in WORDS:
        plain = pattern.sub(form, plain)
    for sign, word in OPERATORS:
        plain = plain.replace(sign, word)
    names: dict[str, str] = {}

    def back(match: re.Match[str]) -> str:
        text = quotes[int(match[1])]
        if not text.startswith("`"):
            return text
        name = f"column{match[1]}ˍ"
        names[name] = text[1:-1]
        return name

    plain = re.sub(r"⟪(\w+)⟫", r"formˍ\1", re.sub(r"⟨(\d+)⟩", back, plain))
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
        _checked(tree, names)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "parts within parts go too deep"
        raise Unreadable(f"{reason}; values stand in quotes, and two things are compared with ==") from None
    return Query(tree, names)


def _checked(tree: ast.expr, names: dict[str, str]) -> None:
    """Refuse parts that no query has, and note the columns."""
    ticked, names_in_order = dict(names), {}
    parts: list[tuple[ast.AST, int]] = [(tree, 0)]
    while parts:
        part, depth = parts.pop()
        if depth > DEEPEST:
            raise Unreadable(f"more than {DEEPEST} parts lie within each other")
        if isinstance(part, ast.Name) and not part.id.startswith("formˍ"):
            if part.id.startswith("__"):
                raise Unreadable(f"{part.id!r} is no column")
            names_in_order[part.id] = ticked.get(part.id, part.id)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in FUNCTIONS:
            inside: list[ast.AST] = [*part.args, *part.keywords]
        else:
            inside = list(ast.iter_child_nodes(part))
        parts += [(child, depth + 1) for child in reversed(inside)]
    names.clear()
    names.update(names_in_order)


def evaluate(query: str, table: pd.DataFrame, argument: str) -> Any:
    """Return what a query says of each row: as a rule a Series of truth values.

    Parameters
    ----------
    query : as written.
    table : has the columns that the query names.
    argument : what the query was given as, for messages.
    """
    try:
        parsed = parse(query)
        return _Evaluation(parsed, table).value(parsed.tree)
    except Unreadable as error:
        raise ReferenceRowsError(
            f"{argument}={query!r}: not a query that can be read ({error}). "
            "Write it like \"Metadata_Role == 'negcon'\"."
        ) from None
    except (TypeError, ValueError, ArithmeticError, pd.errors.ParserError) as error:
        raise ReferenceRowsError(f"{argument}={query!r}: cannot be compared so ({error}).") from error


def columns_of(query: str) -> list[str]:
    """Return the columns that a query asks for; none where it cannot be read, which is said when it is evaluated."""
    try:
        return parse(query).columns
    except Unreadable:
        return []


@dataclass(frozen=True)
class _Evaluation:
    """The values of the parts of a query."""

    query: Query
    table: pd.DataFrame

    def value(self, part: ast.AST) -> Any:
        """Return the value of a part: a Series, a number, a text, a truth value, or a list of such."""
        for kind, method in _PARTS.items():
            if isinstance(part, kind):
                return method(self, part)
        raise Unreadable(f"{ast.unparse(part)!r} is none of {FORMS}")

    def name(self, part: ast.Name) -> pd.Series:
        column = self.query.names.get(part.id, part.id)
        if column not in self.table.columns:
            hint = nearest(column, self.table.columns)
            raise Unreadable(f"{column!r} is no column; if it is a value, put it in quotes.{hint}".rstrip("."))
        return self.table[column]

    def constant(self, part: ast.Constant) -> Any:
        value = part.value
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int | float) and abs(value) <= LARGEST:
            return value
        raise Unreadable(f"{ast.unparse(part)} is neither a number of usual size nor a text")

    def listing(self, part: ast.List | ast.Tuple | ast.Set) -> list[Any]:
        values = [self.value(item) for item in part.elts]
        if any(isinstance(value, pd.Series | list) for value in values):
            raise Unreadable("a list holds values only, such as ['DMSO', 'untreated']")
        return values

    def boolean(self, part: ast.BoolOp) -> Any:
        values = [_truth(self.value(item)) for item in part.values]
        result = values[0]
        for value in values[1:]:
            result = result & value if isinstance(part.op, ast.And) else result | value
        return result

    def unary(self, part: ast.UnaryOp) -> Any:
        value = self.value(part.operand)
        if isinstance(part.op, ast.Not | ast.Invert):
            return ~_truth(value)
        _number(value)
        return -value if isinstance(part.op, ast.USub) else value

    def arithmetic(self, part: ast.BinOp) -> Any:
        if type(part.op) not in ARITHMETIC:
            raise Unreadable(f"{ast.unparse(part)!r}: of arithmetic there is +, -, *, / and % of numbers")
        left, right = _number(self.value(part.left)), _number(self.value(part.right))
        return ARITHMETIC[type(part.op)](left, right)

    def comparison(self, part: ast.Compare) -> Any:
        sides = [part.left, *part.comparators]
        pieces = [
            self.compared(operator, left, right)
            for left, operator, right in zip(sides, part.ops, sides[1:], strict=False)
        ]
        result = pieces[0]
        for piece in pieces[1:]:
            result = result & piece
        return result

    def compared(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> Any:
        value = self.value(left)
        if isinstance(right, ast.Call) and isinstance(right.func, ast.Name) and right.func.id.startswith("formˍ"):
            matched = self.form(value, right)
            return ~matched if isinstance(operator, ast.NotIn) else matched
        other = self.value(right)
        if isinstance(operator, ast.In | ast.NotIn) or isinstance(other, list):
            return self.member(operator, value, other)
        if isinstance(value, list):
            return self.member(operator, other, value)
        if type(operator) not in COMPARISONS:
            raise Unreadable(f"'is' compares nothing here: write == for equal, or 'is missing'. Known are {FORMS}")
        if not isinstance(value, pd.Series) and not isinstance(other, pd.Series):
            raise Unreadable("two values are compared and no column is: a name of a column stands without quotes")
        return COMPARISONS[type(operator)](value, other)

    def member(self, operator: ast.cmpop, value: Any, others: Any) -> Any:
        if not isinstance(value, pd.Series) or not isinstance(others, list):
            raise Unreadable("'in' wants a column and a list, such as Metadata_Role in ['negcon', 'blank']")
        if not isinstance(operator, ast.In | ast.NotIn | ast.Eq | ast.NotEq):
            raise Unreadable("a list is compared with in, not in, == or !=")
        inside = value.isin(others)
        return ~inside if isinstance(operator, ast.NotIn | ast.NotEq) else inside

    def form(self, value: Any, call: ast.Call) -> Any:
        if not isinstance(value, pd.Series):
            raise Unreadable("a column stands before 'is missing', 'between', 'startswith', 'endswith' and 'contains'")
        name = call.func.id.removeprefix("formˍ")  # type: ignore[attr-defined]
        arguments = [self.value(argument) for argument in call.args]
        if name == "missing":
            return value.isna()
        if name == "between":
            return value.between(*arguments)
        if name == "contains":
            return _contains(value, str(arguments[0]), regex=False)
        return TEXT_TESTS[name](value, str(arguments[0]))

    def call(self, part: ast.Call) -> Any:
        """Return what one of the listed methods of a column gives."""
        arguments = [self.value(argument) for argument in part.args]
        options = {option.arg: self.value(option.value) for option in part.keywords if option.arg}
        if len(options) < len(part.keywords) or any(isinstance(given, pd.Series) for given in options.values()):
            raise Unreadable("options of a function are values by name")
        if isinstance(part.func, ast.Name) and part.func.id in FUNCTIONS:
            return _called(FUNCTIONS[part.func.id], part.func.id, arguments, options)
        path: list[str] = []
        function: ast.AST = part.func
        while isinstance(function, ast.Attribute):
            path.insert(0, function.attr)
            function = function.value
        name = ".".join(path)
        if name not in METHODS:
            raise Unreadable(
                f"{ast.unparse(part.func)!r} is no function of a query; of columns there are {listed(METHODS)}"
            )
        column = self.value(function)
        if not isinstance(column, pd.Series):
            raise Unreadable(f"{ast.unparse(part)!r}: a column stands before the point")
        return _called(METHODS[name], name, [column, *arguments], options)


_PARTS: dict[type | tuple[type, ...], Callable[[_Evaluation, Any], Any]] = {
    ast.Name: _Evaluation.name,
    ast.Constant: _Evaluation.constant,
    (ast.List, ast.Tuple, ast.Set): _Evaluation.listing,
    ast.BoolOp: _Evaluation.boolean,
    ast.UnaryOp: _Evaluation.unary,
    ast.BinOp: _Evaluation.arithmetic,
    ast.Compare: _Evaluation.comparison,
    ast.Call: _Evaluation.call,
}
COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
}
ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.Mod: lambda left, right: left % right,
}


def _truth(value: Any) -> Any:
    """Return truth values, one for each row."""
    if isinstance(value, pd.Series) and pd.api.types.is_bool_dtype(value.dtype):
        return value
    if isinstance(value, pd.Series) and value.dtype == object and all(isinstance(item, bool) for item in value):
        return value.astype(bool)
    raise Unreadable("and, or, not stand between comparisons: compare each column with ==")


def _number(value: Any) -> Any:
    """Return a number, or a column of numbers."""
    of_numbers = isinstance(value, pd.Series) and pd.api.types.is_numeric_dtype(value.dtype)
    if of_numbers or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value if isinstance(value, pd.Series) else float(value)
    raise Unreadable("arithmetic is of numbers only")


def _called(function: Callable[..., Any], name: str, arguments: list[Any], options: dict[str, Any]) -> Any:
    try:
        return function(*arguments, **options)
    except (TypeError, AttributeError) as error:
        raise Unreadable(f"{name}: {error}") from None


def _of_texts(column: pd.Series, function: Callable[[list[str]], Any], missing: Any) -> pd.Series:
    """Return a function of each text, `missing` for what is no text; each value of the column is looked at once."""
    codes, values = pd.factorize(column)
    is_text = np.array([isinstance(value, str) for value in values], dtype=bool)
    if len(values) and not is_text.any():
        raise Unreadable(f"{column.name!r} holds no text")
    results = np.full(len(values) + 1, missing, dtype=bool if isinstance(missing, bool) else object)
    results[:-1][is_text] = function([value for value, kept in zip(values, is_text, strict=True) if kept])
    return pd.Series(results[codes], index=column.index)


def _contains(column: pd.Series, text: str, case: bool = True, na: Any = None, regex: bool = True) -> pd.Series:
    """Return which texts contain another, or a pattern; the time is linear in the length of the texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    search = pc.match_substring_regex if regex else pc.match_substring

    def contain(texts: list[str]) -> Any:
        try:
            return search(pa.array(texts, type=pa.string()), text, ignore_case=not case).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as error:
            raise Unreadable(f"{text!r} is no pattern ({error})") from None

    return _of_texts(column, contain, bool(na))


def _matches(method: str) -> Callable[..., pd.Series]:
    """Return a test of texts; what is missing passes none."""

    def test(column: pd.Series, text: Any, na: Any = False) -> pd.Series:
        if not isinstance(text, str | tuple | list):
            raise Unreadable(f"{method} wants a text in quotes")
        wanted = tuple(text) if isinstance(text, list) else text
        return _of_texts(column, lambda texts: [getattr(value, method)(wanted) for value in texts], bool(na))

    return test


def _whole(column: pd.Series, text: str, case: bool = True, na: Any = None) -> pd.Series:
    return _contains(column, f"^(?:{text})$", case, na)


def _beginning(column: pd.Series, text: str, case: bool = True, na: Any = None) -> pd.Series:
    return _contains(column, f"^(?:{text})", case, na)


def _changed(method: str) -> Callable[[pd.Series], pd.Series]:
    return lambda column: _of_texts(column, lambda texts: [getattr(text, method)() for text in texts], None)


def _as_text(column: pd.Series, kind: Any) -> pd.Series:
    if kind not in {"str", "string", "object"}:
        raise Unreadable(f"astype({kind!r}): a query turns columns into 'str' only")
    return column.astype(object).where(column.isna(), column.map(str))


TEXT_TESTS = {"startswith": _matches("startswith"), "endswith": _matches("endswith")}
METHODS: dict[str, Callable[..., Any]] = {
    "isna": lambda column: column.isna(),
    "isnull": lambda column: column.isna(),
    "notna": lambda column: column.notna(),
    "notnull": lambda column: column.notna(),
    "isin": lambda column, values: column.isin(values),
    "between": lambda column, low, high, inclusive="both": column.between(low, high, inclusive=inclusive),
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "abs": lambda column: np.abs(_number(column)),
    "astype": _as_text,
    "str.startswith": TEXT_TESTS["startswith"],
    "str.endswith": TEXT_TESTS["endswith"],
    "str.contains": _contains,
    "str.match": _beginning,
    "str.fullmatch": _whole,
    "str.lower": _changed("lower"),
    "str.upper": _changed("upper"),
    "str.strip": _changed("strip"),
    "str.len": lambda column: _of_texts(column, lambda texts: [len(text) for text in texts], None).astype(float),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "lower": _changed("lower"),
    "upper": _changed("upper"),
    "abs": METHODS["abs"],
    "str": lambda column: _as_text(column, "str"),
}
