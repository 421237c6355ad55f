"""A screen whose truth is known."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellprofiling.core import checks
from cellprofiling.core.columns import PLATE
from cellprofiling.core.errors import plural
from cellprofiling.core.frame import feature_columns
from cellprofiling.core.views import Facts, Shown
from cellprofiling.io.storage.files import PathLike
from cellprofiling.simulate.cells import PlateCells, draw_plate
from cellprofiling.simulate.folder import write_folder
from cellprofiling.simulate.layout import draw_platemap, draw_wells
from cellprofiling.simulate.model import draw_model
from cellprofiling.simulate.options import resolve
from cellprofiling.simulate.presets import Preset
from cellprofiling.simulate.streams import streams


@dataclass(frozen=True, repr=False)
class Truth(Shown):
    """
    What was planted in a simulated screen.

    Parameters
    ----------
    compounds : pandas.DataFrame
        One row per compound: ``Metadata_Compound``; ``type`` (inert, active, dispersion, toxic, toxic_active);
        ``mechanism``; ``active`` (moves features); ``toxic`` (kills cells); ``effect`` (how far the affected features
        of a responding cell move at most: root mean square, in SDs of a cell); ``fraction`` (of cells that respond);
        ``ec50`` and ``lethal_ec50`` (uM); ``slope`` of both curves; ``groups`` (compartment/group/channel of the
        affected features, strongest first).
    wells : pandas.DataFrame
        One row per well: ``Metadata_Plate`` and ``Metadata_Well`` as in the cells; what is really in it
        (``true_compound``, ``true_dose``, ``true_effect``) and where it really was (``true_well``); ``position``
        (change of the cell count by row, column and edge, relative); ``swapped``; ``rotated``; ``expected_count``.
    cells : pandas.DataFrame
        One row per row of the screen's cells: ``responder``, ``artifact``.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> truth = cpf.simulate_screen("easy", plates=1, compounds=8, cells_per_well=5, features=20).truth
    >>> truth.compounds.groupby("type")["effect"].max().to_dict()
    {'active': 0.45, 'inert': 0.0}
    """

    compounds: pd.DataFrame
    wells: pd.DataFrame
    cells: pd.DataFrame

    def facts(self) -> Facts:
        """Return how much was planted."""
        kinds = self.compounds["type"].value_counts()
        moved = [plural(int(self.wells[name].sum()), f"{name} well") for name in ("swapped", "rotated")]
        found = [f"{int(self.cells[name].sum()):,} {name}s" for name in ("responder", "artifact")]
        return [
            ("compounds", ", ".join(f"{n:,} {kind}" for kind, n in kinds.items())),
            ("wells", f"{len(self.wells):,}, {', '.join(moved)}"),
            ("cells", f"{len(self.cells):,}, {', '.join(found)}"),
        ]


@dataclass(frozen=True, repr=False)
class SimulatedScreen(Shown):
    """
    A screen and its truth, as `simulate_screen` returns it.

    Parameters
    ----------
    cells : pandas.DataFrame
        One row per cell: metadata, the place in the image, then the features as one block of float32.
    platemap : pandas.DataFrame
        One row per well, as the laboratory believes it to be: ``Metadata_Plate``, ``_Well``, ``_Batch``,
        ``_Compound``, ``_Dose`` (uM), ``_Mechanism`` (missing where there is none), ``_Role`` (negcon, treatment).
    truth : Truth
        What was planted: tables ``compounds``, ``wells`` and ``cells``.
    preset : str
        The name of the preset.
    parameters : dict
        Every number the screen was made from, and the seed.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("null", plates=1, compounds=4, controls=4, cells_per_well=5, features=20)
    >>> screen.platemap.groupby("Metadata_Role").size().to_dict()
    {'negcon': 4, 'treatment': 4}
    """

    cells: pd.DataFrame
    platemap: pd.DataFrame
    truth: Truth
    preset: str
    parameters: dict[str, Any]

    def facts(self) -> Facts:
        """Return how large the screen is, and how much of it works."""
        active = int(self.truth.compounds["active"].sum())
        return [
            ("preset", f"{self.preset}, seed {self.parameters['seed']}"),
            ("plates", f"{self.platemap[PLATE].nunique():,} with {plural(len(self.platemap), 'well')}"),
            ("compounds", f"{len(self.truth.compounds):,}, {active:,} of them active"),
            ("cells", f"{len(self.cells):,} with {plural(len(feature_columns(self.cells)), 'feature')}"),
        ]

    def write(self, folder: PathLike) -> Path:
        """
        Write the screen as a laboratory would have it.

        Parameters
        ----------
        folder : str or os.PathLike
            Where to; made if it does not exist.

        Returns
        -------
        pathlib.Path
            The folder. It holds ``screen.yaml``, ``platemap.csv``, ``cells/`` with one parquet file per plate, and
            ``truth/`` with what nobody knows in reality, ``compounds.csv`` and ``wells.csv``. Files of these names are
            replaced.

        Raises
        ------
        FileFormatError
            If the folder is a file, or its ``cells/`` holds plates of another screen, which would be read with these.

        Examples
        --------
        >>> import tempfile
        >>> import cellprofiling as cpf
        >>> screen = cpf.simulate_screen("null", plates=2, compounds=4, controls=4, cells_per_well=5, features=20)
        >>> folder = screen.write(tempfile.mkdtemp())
        >>> sorted(file.name for file in folder.rglob("*.*"))
        ['Plate01.parquet', 'Plate02.parquet', 'compounds.csv', 'platemap.csv', 'screen.yaml', 'wells.csv']
        """
        by = ["Metadata_Compound"] + ["Metadata_Dose"] * (len(self.parameters["doses"]) > 1)
        recipe = {
            "name": self.preset,
            "cells": "cells",
            "platemap": "platemap.csv",
            "reference": "Metadata_Role == 'negcon'",
            "by": by,
            "seed": 0,
        }
        truth = {"compounds": self.truth.compounds, "wells": self.truth.wells}
        return write_folder(folder, self.cells, self.platemap, truth, recipe)


def simulate_screen(
    preset: str = "easy",
    *,
    seed: int = 0,
    plates: int | None = None,
    compounds: int | None = None,
    cells_per_well: int | None = None,
    features: int | None = None,
    wells_per_plate: int | None = None,
    controls: int | None = None,
    doses: Sequence[float] | None = None,
    effect: float | None = None,
    fraction: float | None = None,
    layout: str | None = None,
    batches: int | None = None,
) -> SimulatedScreen:
    """
    Simulate the single cells of a screen, and keep what was planted in it.

    Options that are None take the number of the preset.

    Parameters
    ----------
    preset : {"null", "easy", "library", "hetero", "toxic", "messy"}, default "easy"
        ``null``: nothing works, but plates, batches and positions differ. ``easy``: half of the compounds have strong
        effects, at one dose. ``library``: few and weak effects, six doses. ``hetero``: 5 to 100 % of the cells respond,
        or cells spread and the mean stays. ``toxic``: cells die, with and without another effect. ``messy``: strong
        edges and batches, the same layout on all plates, missing values, constant features, artifacts, exchanged wells,
        and one plate turned by 180 degrees.
    seed : int, default 0
        The same seed gives the same screen, byte by byte.
    plates : int or None, default None
        Number of plates, each with all compounds.
    compounds : int or None, default None
        Number of compounds.
    cells_per_well : int or None, default None
        Cells in a usual control well.
    features : int or None, default None
        Number of features.
    wells_per_plate : {96, 384} or None, default None
        Format of the plates.
    controls : int or None, default None
        Wells per plate with the solvent only.
    doses : sequence of float or None, default None
        Doses in uM, rising; each compound is in one well per dose and plate.
    effect : float or None, default None
        How far the affected features of a responding cell move at most, in SDs of a cell, for all compounds that move
        features.
    fraction : float or None, default None
        Share of cells that respond, likewise.
    layout : {"random", "fixed"} or None, default None
        Whether compounds change places between plates.
    batches : int or None, default None
        Number of batches; plates take turns.

    Returns
    -------
    SimulatedScreen
        With ``cells``, ``platemap``, ``truth`` (tables ``compounds``, ``wells``, ``cells``), ``preset``, ``parameters``
        and ``write(folder)``.

    Raises
    ------
    InputError
        If an option is unknown or out of range.
    PlateLayoutError
        If the wells of a plate do not suffice.

    Notes
    -----
    A cell has some two hundred hidden factors `u`, normal but for a common scale that makes some cells unusual in all
    (and for the cell cycle, in two modes). Batch, plate, well, position, crowding and compound shift the factors; the
    features are monotone functions of `W u + e`, with weights `W` chosen so that correlations, spectrum, skewness and
    tails are those of single cells of two JUMP Cell Painting sites. The number of cells of a well is log-normal around
    row, column and edge effects as in 136 LINCS plates. More plates leave the first ones as they are, and more cells
    or features leave the compounds as they are.

    References
    ----------
    Way et al., Morphology and gene expression profiling provide complementary information for mapping cell state, Cell
    Systems 2022, doi:10.1016/j.cels.2022.10.001 (LINCS Cell Painting). Chandrasekaran et al., Three million images and
    morphological profiles of cells treated with matched chemical and genetic perturbations, Nature Methods 2024,
    doi:10.1038/s41592-024-02241-6 (JUMP CPJUMP1). Ljosa et al., Comparison of methods for image-based profiling of
    cellular morphological responses to small-molecule treatment, J Biomol Screen 2013, doi:10.1177/1087057113503553
    (BBBC021). Dragiev et al., Systematic error detection in experimental high-throughput screening, BMC Bioinformatics
    2011, doi:10.1186/1471-2105-12-25 (errors of rows and columns).

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> screen = cpf.simulate_screen("easy", plates=2, compounds=8, controls=6, cells_per_well=30, features=40)
    >>> screen.platemap.shape, screen.cells.filter(like="Texture").shape[1]
    ((28, 7), 10)
    >>> int(screen.truth.compounds["active"].sum())
    4
    """
    checks.arguments(locals(), features=checks.optional(checks.at_least(1)))
    options = {
        "plates": plates,
        "compounds": compounds,
        "cells_per_well": cells_per_well,
        "features": features,
        "wells_per_plate": wells_per_plate,
        "controls": controls,
        "doses": doses,
        "effect": effect,
        "fraction": fraction,
        "layout": layout,
        "batches": batches,
    }
    return build(preset, resolve(preset, options), int(seed))


def build(name: str, preset: Preset, seed: int) -> SimulatedScreen:
    """Return the screen that the numbers of a preset describe."""
    random = streams(seed, preset.batches, preset.plates)
    model = draw_model(preset, random)
    compounds = model.library.table
    platemap = draw_platemap(preset, compounds, random)
    wells = draw_wells(preset, platemap, compounds, random)
    plates = [
        draw_plate(model, here, i % preset.batches, random.plates[i])
        for i, (_, here) in enumerate(wells.groupby(PLATE, sort=False))
    ]
    truth = Truth(compounds, wells, pd.concat([plate.truth for plate in plates], ignore_index=True))
    parameters = {"seed": seed, **asdict(preset)}
    return SimulatedScreen(_table(plates, model.panel.names), platemap, truth, name, parameters)


def _table(plates: Sequence[PlateCells], names: Sequence[str]) -> pd.DataFrame:
    """Return the cells of all plates; features are one block of float32."""
    metadata = pd.concat([plate.metadata for plate in plates], ignore_index=True)
    x = pd.DataFrame(np.concatenate([plate.x for plate in plates]), columns=list(names), copy=False)
    return pd.concat([metadata, x], axis=1)
