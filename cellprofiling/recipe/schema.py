"""What screen.yaml may say, and the sentences for what it may not."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    computed_field,
    field_validator,
    model_validator,
)

from cellprofiling.core.columns import COUNT, PLATE, WELL
from cellprofiling.core.errors import FileFormatError, RecipeError, listed, meant, one_of


class InputPath(str):
    """What a run reads: a file, a folder or a pattern, relative to screen.yaml."""


# The type of every setting that names files to read: results depend on what is in them, not on their names alone
InputFile = Annotated[str, AfterValidator(InputPath)]


class Section(BaseModel):
    """A part of screen.yaml; settings that do not exist are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Platemap(Section):
    """What was put into which well."""

    path: InputFile
    pad_wells: bool = False
    well: str | None = None
    on: list[str] | None = None
    how: Literal["strict", "left"] = "strict"


class Aggregate(Section):
    """Cells to wells."""

    statistics: str = "median"
    min_cells: int = Field(default=1, ge=1)


class Normalize(Section):
    """Wells to comparable wells; other settings are options of the method."""

    model_config = ConfigDict(extra="allow", frozen=True)

    method: str = "mad_robustize"
    by: str | list[str] | None = PLATE
    to: Literal["reference", "all"] = "reference"
    zero_scale: Literal["drop", "keep", "error"] = "drop"

    @field_validator("method")
    @classmethod
    def _known(cls, value: str) -> str:
        from cellprofiling.profiles.normalization.normalization import METHODS

        return one_of("method", value, METHODS)


class Select(Section):
    """Which features stay."""

    steps: list[str | dict[str, dict[str, Any]]] | None = None

    @field_validator("steps")
    @classmethod
    def _known(cls, value: list | None) -> list | None:
        from cellprofiling.profiles.selection.selection import STEPS

        for step in value or []:
            for name in [step] if isinstance(step, str) else step:
                one_of("steps", name, STEPS)
        return value


class Embed(Section):
    """The picture of all wells."""

    method: str = "pca"

    @field_validator("method")
    @classmethod
    def _known(cls, value: str) -> str:
        from cellprofiling.explore.embedding import METHODS

        return one_of("method", value, METHODS)


class Hits(Section):
    """The test of each perturbation and the false discovery rate of the list."""

    fdr: float = Field(default=0.05, gt=0, lt=1)
    permutations: int = Field(default=10_000, ge=1)
    control_fit: Literal["refit", "as_given"] = "refit"
    method: str = "map"

    @field_validator("method")
    @classmethod
    def _known(cls, value: str) -> str:
        from cellprofiling.hits.calling.statistics import METHODS

        return one_of("method", value, METHODS)


class Explain(Section):
    """What effects are judged by, and of how many hits, the best first, cells are shown."""

    model: Literal["pooled", "paired"] = "pooled"
    exemplars: int = Field(default=10, ge=0)


class Quality(Section):
    """What the checks need to know, which numbers they use, what is waived, and what makes the run end with code 3."""

    positive: str | dict[str, Any] | None = None
    readouts: list[str] = []
    order: str | None = None
    images: InputFile | None = None
    thresholds: dict[str, dict[str, float | None]] = {}
    waivers: list[dict[str, Any]] = []
    fail_on: Literal["never", "fail", "warn", "inconclusive"] = "never"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def expired(self) -> list[int]:
        """Which waivers act no more: the day on which one ends, the checks are made anew."""
        return [place for place, waiver in enumerate(self._waivers()) if waiver.expired]

    @model_validator(mode="after")
    def _known(self) -> "Quality":
        self._waivers()
        return self

    def _waivers(self) -> Any:
        from cellprofiling.quality.rules import load
        from cellprofiling.quality.waivers import waivers_of

        return waivers_of(self.waivers, load(self.thresholds), date.today())


class Recipe(Section):
    """A whole screen.yaml. Paths are relative to the file."""

    name: str = "screen"
    cells: InputFile | None = None
    wells: InputFile | None = None
    format: str = "auto"
    columns: dict[str, str] | None = None
    options: dict[str, Any] = {}
    flag_cells: bool | list[str] | dict[str, Any] = False
    platemap: Platemap | None = None
    reference: str | dict[str, Any]
    by: list[str]
    dose: str | None = None
    within: list[str] | None = None
    plate: str = PLATE
    batch: str = "Metadata_Batch"
    well: str = WELL
    count: str = COUNT
    exclude: str | None = None
    features: list[str] | None = None
    bad_features: Literal["error", "drop"] = "error"
    seed: int = Field(default=0, ge=0)
    aggregate: Aggregate = Aggregate()
    fingerprint: list[str] = []
    normalize: Normalize = Normalize()
    select_features: Select = Select()
    steps: str | list[str | dict[str, dict[str, Any] | None]] | None = None
    embed: Embed = Embed()
    hits: Hits = Hits()
    explain: Explain = Explain()
    quality: Quality = Quality()

    @property
    def inputs(self) -> dict[str, list[InputPath]]:
        """The files to read, by the setting under which they are named."""
        return {name: paths for name, value in self if (paths := list(_paths(value)))}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def pipeline(self) -> dict[str, Any] | None:
        """The steps with all they depend on; None where wells are normalized and features selected as usual."""
        if self.steps is None:
            return None
        return self.model_dump(include={"steps", "by", "within", "plate", "batch", "well", "count", "seed"})

    @field_validator("by", "within", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("platemap", mode="before")
    @classmethod
    def _as_platemap(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("fingerprint", mode="before")
    @classmethod
    def _as_blocks(cls, value: Any) -> Any:
        from cellprofiling.hits.calling.blocks import LABELS

        for name in value if isinstance(value, list) else []:
            one_of("fingerprint", name, LABELS)
        return list(LABELS) if value is True else [] if value is False else value

    @field_validator("steps")
    @classmethod
    def _as_steps(cls, value: Any) -> Any:
        from cellprofiling.profiles.pipeline.pipeline import VERBS
        from cellprofiling.profiles.pipeline.presets import PRESETS

        if isinstance(value, str):
            return one_of("steps", value, PRESETS)
        for step in value or []:
            for name in [step] if isinstance(step, str) else step:
                one_of("steps", name, VERBS)
        return value

    @model_validator(mode="after")
    def _one_pipeline(self) -> "Recipe":
        beside = [name for name in ("normalize", "select_features") if name in self.model_fields_set]
        if self.steps is not None and beside:
            raise ValueError(f"'steps' and {beside[0]!r}: both given; write {beside[0]} as one of the steps")
        return self

    @model_validator(mode="after")
    def _one_source(self) -> "Recipe":
        if (self.cells is None) == (self.wells is None):
            given = "both" if self.cells else "neither"
            raise ValueError(f"'cells' and 'wells': {given} given; name one, the per-cell tables or a table of wells")
        return self


def _paths(value: Any) -> Iterator[InputPath]:
    """Yield what names files in a value of a setting, however deep."""
    if isinstance(value, InputPath):
        yield value
    elif isinstance(value, Section):
        yield from (path for _, item in value for path in _paths(item))
    elif isinstance(value, Mapping):
        yield from (path for item in value.values() for path in _paths(item))
    elif isinstance(value, list | tuple):
        yield from (path for item in value for path in _paths(item))


def load_recipe(path: Path) -> Recipe:
    """Read and check screen.yaml; each problem is named with its line and with what would do."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}); give the path of a screen.yaml.") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: not a text file; give the path of a screen.yaml.") from error
    try:
        tree, content = yaml.compose(text), yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: expected settings such as 'cells: folder'; `cellprofiling init` drafts a file.")
    try:
        return Recipe(**content)
    except ValidationError as error:
        problems = [_sentence(problem, tree) for problem in error.errors()]
        raise RecipeError("\n".join(f"{path}{problem}" for problem in problems)) from error


def _sentence(problem: Mapping[str, Any], tree: yaml.Node | None) -> str:
    """Return where a problem lies and what it is: ", line 7: normalize.method='mad': choose one of ..."."""
    where = [part for part in problem["loc"] if isinstance(part, str | int)]
    line = _line(tree, where)
    place = f", line {line}: " if line else ": "
    return place + _EXPLAIN.get(problem["type"], _explain_other)(".".join(map(str, where)), problem)


def _explain_unknown(name: str, _: Mapping[str, Any]) -> str:
    *parents, last = name.split(".")
    known = _settings(parents)
    return f"{name!r}: no such setting. Settings here are {listed(known, limit=len(known))}.{meant(last, known)}"


def _explain_missing(name: str, _: Mapping[str, Any]) -> str:
    return f"{name!r} is missing: {_NEEDED.get(name.split('.')[-1], 'a value is needed')}."


def _explain_choice(name: str, problem: Mapping[str, Any]) -> str:
    return f"{name}={problem['input']!r}: choose {problem['ctx']['expected']}."


def _explain_value(name: str, problem: Mapping[str, Any]) -> str:
    return ".".join(filter(None, [name.rpartition(".")[0], str(problem["ctx"]["error"])]))


def _explain_other(name: str, problem: Mapping[str, Any]) -> str:
    return f"{name}={problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}."


_EXPLAIN = {
    "extra_forbidden": _explain_unknown,
    "missing": _explain_missing,
    "literal_error": _explain_choice,
    "value_error": _explain_value,
}

_NEEDED = {
    "reference": "a query for the negative control wells, for example \"Metadata_Role == 'negcon'\"",
    "by": "the columns that name a perturbation, for example [Metadata_Compound]",
    "path": "the file",
}


def _settings(parents: Iterable[str]) -> list[str]:
    """Return the names of the settings of a section."""
    model: Any = Recipe
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        model = next(
            kind for kind in [annotation, *getattr(annotation, "__args__", ())] if hasattr(kind, "model_fields")
        )
    return list(model.model_fields)


def _line(node: yaml.Node | None, where: list[str | int]) -> int | None:
    """Return the line, from 1, of the setting at the path `where`, or of the deepest part of it that is written."""
    line = None
    for part in where:
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((key, value) for key, value in node.value if key.value == part), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
