"""The stages of a run: which table each makes, from which tables and settings, and how it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from cellprofiling.cells.aggregation import aggregate
from cellprofiling.cells.fingerprint.fingerprints import fingerprint
from cellprofiling.cells.flags.cell_flags import flag_cells
from cellprofiling.core.columns import groups, is_metadata, require, rows
from cellprofiling.core.errors import FeatureError, listed
from cellprofiling.core.face.entries import answering
from cellprofiling.core.frame import feature_columns, join, split
from cellprofiling.core.ledgers import ledger, lines, written
from cellprofiling.core.progress import Tell
from cellprofiling.core.question import ask
from cellprofiling.hits.design import find_layout
from cellprofiling.io.cells import Cells, open_cells
from cellprofiling.io.platemaps import read_platemap
from cellprofiling.io.tables import read_profiles
from cellprofiling.kernels.scale.missing import fill_with_median
from cellprofiling.profiles.annotation import annotate
from cellprofiling.profiles.normalization.normalization import normalize
from cellprofiling.profiles.pipeline.pipeline import run_steps
from cellprofiling.profiles.selection.selection import select_features
from cellprofiling.recipe.schema import Platemap, Recipe

EXCLUDE = "exclude"  # the step under which the ledger names wells that were left out on purpose


@dataclass(frozen=True)
class Run:
    """What a stage works with: the recipe, the folder its paths start from, the tables made so far, whom to tell."""

    recipe: Recipe
    folder: Path
    tables: dict[str, Any]
    progress: Tell | None = None

    @cached_property
    def opened(self) -> Cells:
        """The cells in their files, as they are."""
        recipe = self.recipe
        options = recipe.options | ({} if recipe.columns is None else {"columns": recipe.columns})
        return answering(open_cells)(self.folder / str(recipe.cells), format=recipe.format, **options)

    @cached_property
    def cells(self) -> Cells:
        """The cells with flags if these are asked for; the limits of flags are learned once, for all stages."""
        flags = self.recipe.flag_cells
        if not flags:
            return self.opened
        return cast(Cells, flag_cells(self.opened, None if flags is True else flags, by=self.recipe.plate))

    @property
    def cell_files(self) -> list[Path]:
        """The files that hold the cells, if the run begins with cells."""
        if self.recipe.cells is None:
            return []
        return sorted({path for partition in self.opened.partitions for path in partition.paths})


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes
    ----------
    name : the table it makes; later stages find it under this name.
    words : what it does, for the progress line.
    needs : the stages whose tables it uses.
    settings : the parts of screen.yaml that `make` reads; what they and the files they name say decides the result.
    make : the work.
    check : refuses a table that later stages cannot use; made for a table that was kept as well.
    asked : whether a recipe asks for it.
    """

    name: str
    words: str
    needs: tuple[str, ...]
    settings: tuple[str, ...]
    make: Callable[[Run], Any]
    check: Callable[[Run], None] = lambda _: None
    asked: Callable[[Recipe], bool] = lambda _: True


def make_wells(run: Run) -> pd.DataFrame:
    """Return one row per well with its treatment."""
    recipe = run.recipe
    wells = _annotate(_first_wells(run), recipe.platemap, run.folder)
    return _drop_bad_features(_exclude(wells, recipe), recipe)


def _first_wells(run: Run) -> pd.DataFrame:
    recipe = run.recipe
    if recipe.wells is not None:
        return read_profiles(run.folder / recipe.wells)
    settings = recipe.aggregate
    return aggregate(
        run.cells,
        (recipe.plate, recipe.well),
        statistics=settings.statistics,
        features=recipe.features,
        min_cells=settings.min_cells,
        exclude="Metadata_QC_Flagged" if recipe.flag_cells else None,
        progress=run.progress,
    )


def _annotate(wells: pd.DataFrame, settings: Platemap | None, folder: Path) -> pd.DataFrame:
    if settings is None:
        return wells
    return annotate(wells, _read_platemap(settings, folder), on=settings.on, how=settings.how)


def _read_platemap(settings: Platemap, folder: Path) -> pd.DataFrame:
    return read_platemap(folder / settings.path, pad_wells=settings.pad_wells, well=settings.well)


def _exclude(wells: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    if recipe.exclude is None:
        return wells
    out = rows(wells, recipe.exclude, "exclude")
    new = lines(EXCLUDE, "well", _names(wells[out], recipe), f"matches: {recipe.exclude}")
    return written(wells[~out].copy(), wells, new=new)


def _names(table: pd.DataFrame, recipe: Recipe) -> pd.Series:
    """Return plate and well of each row, as one text."""
    return table[recipe.plate].astype(str) + " " + table[recipe.well].astype(str)


def _drop_bad_features(wells: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Refuse or drop features that are infinite somewhere or missing everywhere."""
    names = feature_columns(wells, recipe.features if recipe.wells is not None else None)
    x = wells[names].to_numpy(dtype=float, na_value=np.nan)
    reasons = {
        "are infinite in some wells": np.isinf(x).any(axis=0),
        "are missing in all wells": np.isnan(x).all(axis=0),
    }
    bad = {reason: [name for name, hit in zip(names, hits, strict=True) if hit] for reason, hits in reasons.items()}
    found = [name for group in bad.values() for name in group]
    if not found:
        return wells
    if recipe.bad_features == "error":
        sentences = [f"{listed(group)} {reason}" for reason, group in bad.items() if group]
        raise FeatureError(
            f"features {'; '.join(sentences)}: leave them out with 'bad_features: drop' in screen.yaml, or mend the "
            "input."
        )
    new = [line for reason, group in bad.items() for line in lines("bad_features", "feature", group, reason)]
    return written(wells.drop(columns=found), wells, new=new)


def check_wells(run: Run) -> None:
    """Refuse wells that a later stage could not use, before anything is written."""
    recipe, wells = run.recipe, run.tables["wells"]
    require(wells, [recipe.plate, recipe.well, *recipe.by, *([recipe.dose] if recipe.dose else [])], "by")
    find_layout(wells, ask(wells, recipe.by, recipe.reference, plate=recipe.plate, within=recipe.within))
    feature_columns(wells)


def make_fingerprint(run: Run) -> pd.DataFrame:
    """Return level, spread and dependence of the cells of each well that was kept."""
    recipe, wells = run.recipe, run.tables["wells"]
    labels = wells[[name for name in wells if is_metadata(name)]]
    keys = [recipe.plate, recipe.well]
    found = fingerprint(
        run.cells,
        keys,
        reference=recipe.reference,
        platemap=labels.drop(columns=recipe.count, errors="ignore"),
        blocks=recipe.fingerprint,
        features=recipe.features,
        min_cells=recipe.aggregate.min_cells,
        exclude="Metadata_QC_Flagged" if recipe.flag_cells else None,
        progress=run.progress,
    )
    kept = pd.MultiIndex.from_frame(found[keys]).isin(pd.MultiIndex.from_frame(wells[keys]))
    beside = found[kept].drop(columns=[name for name in found if name in labels and name not in keys])
    return annotate(beside.reset_index(drop=True), labels, on=keys)


def make_profiles(run: Run) -> pd.DataFrame:
    """Return wells normalized to the controls of their plate, with the features worth keeping, or as steps say."""
    recipe, settings = run.recipe, run.recipe.normalize
    if recipe.pipeline is not None:
        return run_steps(run.tables["wells"], reference=recipe.reference, **recipe.pipeline)
    reference = recipe.reference if settings.to == "reference" else None
    options = settings.model_extra or {}
    normalized = answering(normalize)(
        run.tables["wells"],
        settings.method,
        by=settings.by,
        reference=reference,
        zero_scale=settings.zero_scale,
        within=recipe.within,
        **options,
    )
    return select_features(normalized, recipe.select_features.steps)


def make_quality(run: Run) -> Any:
    """Return the checks of the wells."""
    from cellprofiling.quality.screen_quality import check_quality

    recipe = run.recipe
    return check_quality(
        run.tables["wells"],
        platemap=_expected_wells(run),
        images=None if recipe.quality.images is None else run.folder / recipe.quality.images,
        reference=recipe.reference,
        positive=recipe.quality.positive,
        by=recipe.by,
        hits=run.tables["hits"],
        profiles=run.tables["profiles"],
        readouts=recipe.quality.readouts,
        order=recipe.quality.order,
        batch=recipe.batch,
        plate=recipe.plate,
        well=recipe.well,
        count=recipe.count,
        thresholds=recipe.quality.thresholds,
        waivers=recipe.quality.waivers,
    )


def _expected_wells(run: Run) -> pd.DataFrame | None:
    """Return the platemap without the wells that were left out on purpose."""
    recipe = run.recipe
    if recipe.platemap is None:
        return None
    platemap = _read_platemap(recipe.platemap, run.folder)
    if recipe.plate not in platemap:
        return platemap
    history = ledger(run.tables["wells"])
    excluded = history.loc[history["step"] == EXCLUDE, "name"]
    return platemap[~_names(platemap, recipe).isin(excluded)]


def make_embedding(run: Run) -> pd.DataFrame:
    """Return the picture of all wells; a missing value counts as the median of its plate."""
    from cellprofiling.explore.embedding import embed

    recipe, profiles = run.recipe, run.tables["profiles"]
    table = split(profiles)
    plates, _ = groups(profiles, recipe.plate, "plate")
    complete = join(table.with_x(fill_with_median(table.x, plates)), source=profiles)
    return embed(complete, recipe.embed.method, seed=recipe.seed)


def make_hits(run: Run) -> pd.DataFrame:
    """Return the ranked hit list, of fingerprints where they were asked for."""
    from cellprofiling.hits.ranking import rank_hits

    recipe = run.recipe
    return rank_hits(
        run.tables.get("fingerprint", run.tables["profiles"]),
        by=recipe.by,
        reference=recipe.reference,
        dose=recipe.dose,
        within=recipe.within,
        plate=recipe.plate,
        well=recipe.well,
        count=recipe.count,
        seed=recipe.seed,
        blocks=bool(recipe.fingerprint) or None,
        **recipe.hits.model_dump(),
    )


def make_explanations(run: Run) -> pd.DataFrame:
    """Return what each perturbation changes, in words; whitened features are mixtures, so wells stand in for them."""
    from cellprofiling.hits.explanation.explanations import explain

    recipe = run.recipe
    whitened = recipe.pipeline is not None and "whiten" in set(ledger(run.tables["profiles"])["step"])
    table = run.tables["wells" if whitened else "profiles"]
    return explain(
        table,
        by=recipe.by,
        reference=recipe.reference,
        model=recipe.explain.model,
        plate=recipe.plate,
        within=recipe.within,
        fdr=recipe.hits.fdr,
    )


def make_exemplars(run: Run) -> pd.DataFrame:
    """Return cells of the first hits and of controls to look at; none where there is no hit."""
    from cellprofiling.cells.kinds.exemplar_cells import exemplars

    recipe, hits = run.recipe, run.tables["hits"]
    first = hits[hits["hit"]].head(recipe.explain.exemplars)
    if first.empty:
        return pd.DataFrame(columns=[*recipe.by, recipe.plate, recipe.well, "role", "rank", "score"])
    wells = run.tables["wells"]
    labels = wells[[name for name in wells if is_metadata(name) and name != recipe.count]]
    shown = pd.MultiIndex.from_frame(wells[recipe.by]).isin(pd.MultiIndex.from_frame(first[recipe.by]))
    return exemplars(
        run.cells,
        by=recipe.by,
        reference=recipe.reference,
        treated={SHOWN: True},
        plate=recipe.plate,
        well=recipe.well,
        platemap=labels.assign(**{SHOWN: shown}),
        features=recipe.features,
        seed=recipe.seed,
        progress=run.progress,
    )


SHOWN = "Metadata_Shown"
CELLS = ("cells", "format", "columns", "options", "flag_cells", "plate")
WELLS = ("plate", "well")

STAGES = (
    Stage(
        "wells",
        "cells to wells",
        (),
        (*CELLS, *WELLS, "wells", "platemap", "exclude", "features", "bad_features", "aggregate"),
        make_wells,
        check_wells,
    ),
    Stage(
        "fingerprint",
        "describing cells beyond averages",
        ("wells",),
        (*CELLS, *WELLS, "fingerprint", "reference", "features", "aggregate", "count"),
        make_fingerprint,
        asked=lambda recipe: recipe.cells is not None and bool(recipe.fingerprint),
    ),
    Stage(
        "profiles",
        "normalizing, selecting features",
        ("wells",),
        ("normalize", "select_features", "pipeline", "reference", "within"),
        make_profiles,
    ),
    Stage("embedding", "embedding wells", ("profiles",), ("embed", "seed", "plate"), make_embedding),
    Stage(
        "hits",
        "testing perturbations",
        ("profiles", "fingerprint"),
        (*WELLS, "hits", "fingerprint", "seed", "reference", "by", "dose", "within", "count"),
        make_hits,
    ),
    Stage(
        "explanations",
        "explaining hits",
        ("wells", "profiles"),
        ("explain", "hits", "reference", "by", "within", "plate", "pipeline"),
        make_explanations,
    ),
    Stage(
        "exemplars",
        "choosing cells to look at",
        ("wells", "hits"),
        (*CELLS, *WELLS, "explain", "reference", "by", "features", "count", "seed"),
        make_exemplars,
        asked=lambda recipe: recipe.cells is not None and recipe.explain.exemplars > 0,
    ),
    Stage(
        "quality",
        "checking quality",
        ("wells", "profiles", "hits"),
        (*WELLS, "quality", "platemap", "reference", "by", "batch", "count"),
        make_quality,
    ),
)
