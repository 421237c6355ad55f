"""Run single checks on simulated wells."""

from functools import cache

import pandas as pd

from cellprofiling.quality.prepared import look
from cellprofiling.quality.rules import load
from tests.builders import NEGCON, POSCON

GIVEN = {
    "platemap": None,
    "reference": NEGCON,
    "positive": POSCON,
    "hits": None,
    "profiles": None,
    "readouts": None,
    "by": "Metadata_Compound",
    "order": None,
    "batch": "Metadata_Batch",
    "cells": None,
    "images": None,
    "plate": "Metadata_Plate",
    "well": "Metadata_Well",
    "count": "Metadata_Object_Count",
}


@cache
def usual():
    """Return the rules as they are written."""
    return load()


def lines(check, wells, thresholds=None, **given):
    """Return what a check says, one row per line."""
    said = check(look(wells, **{**GIVEN, **given}), load(thresholds) if thresholds else usual())
    return pd.DataFrame(
        [
            {
                "id": line.rule.id,
                "level": line.level,
                "plate": line.plate,
                "well": line.well,
                "status": line.status,
                "value": line.value,
                "low": line.ci_low,
                "high": line.ci_high,
                "n": line.n,
                "message": line.message,
            }
            for line in said
        ]
    )


def bad(found):
    """Return the ids of checks that fail or warn, and the plates they speak of."""
    told = found[found["status"].isin(["fail", "warn"]) & (found["level"] != "well")]
    return set(zip(told["id"], told["plate"], strict=True))
