"""Fingerprints beside the plain medians of the same files: level, spread and dependence of single cells."""

import tempfile
from pathlib import Path

from cases import Case
from engine_sides import write_plate

import cellprofiling as cpf

CONTROLS = {"Metadata_Well": [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in (1, 24)]}


def plates(n: int, features: int, copies: int = 1) -> Path:
    """Return a folder of plates of 384 wells with about 300 cells each; written once."""
    folder = Path(tempfile.gettempdir(), f"cellprofiling_fingerprints_{n}_{features}_{copies}")
    done = folder / "done"
    if not done.exists():
        folder.mkdir(exist_ok=True)
        for i in range(n):
            layout = {"wells": 384, "cells": 300, "features": features, "shuffled": False, "copies": copies}
            write_plate(folder / f"P{i}.parquet", f"P{i}", **layout)
        done.touch()
    return folder


def fingerprint(folder: Path) -> object:
    """Describe level, spread and dependence."""
    return cpf.fingerprint(folder / "*.parquet", reference=CONTROLS)


def level_and_spread(folder: Path) -> object:
    """Describe level and spread, in one pass."""
    return cpf.fingerprint(folder / "*.parquet", reference=CONTROLS, blocks=["level", "spread"])


def medians(folder: Path) -> object:
    """Take plain medians."""
    return cpf.aggregate(folder / "*.parquet")


def case(name: str, ours: object, n: int, features: int, copies: int = 1) -> Case:
    """Return a case whose peer is the plain median."""
    cells = f"{n * copies * 115_000 / 1e6:.2f} million cells x {features} features, {n} plates"
    return Case(name, lambda: plates(n, features, copies), ours, medians, "aggregate, median", cells)


CASES = (
    case("fingerprint", fingerprint, 4, 1000),
    case("fingerprint, level and spread", level_and_spread, 4, 1000),
    case("fingerprint, a plate", fingerprint, 1, 250),
    case("fingerprint, a plate of 4 times the cells", fingerprint, 1, 250, copies=4),
)
