"""Fingerprints of 289,074 real nuclei beside the authors' hits by means: what each block adds.

Schibler et al., eLife (2023), https://doi.org/10.7554/eLife.80653: nuclear size and shape, two plates, 768 wells, 166
genes with two siRNAs on each plate. The negative controls stand in one column, eight on each plate.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.kernels.inference.multiplicity import benjamini_hochberg

pytestmark = [pytest.mark.real, pytest.mark.slow]

FOLDER = "nucleus_columbus_screen"
SHAPE = ("Ratio Width to Length", "Length [µm]", "Width [µm]", "Roundness", "Area [µm²]")
BLOCKS = ("level", "spread", "dependence")
NEGATIVE = "Metadata_Role == 'negative'"


@pytest.fixture(scope="module")
def published(real_data: Callable[[str], Path]) -> pd.DataFrame:
    """Return the authors' z-scores of well means."""
    path = real_data(f"{FOLDER}/published_secondary/validation_LMNA_LMNB_normalized_results.txt")
    table = pd.read_csv(path, sep="\t")
    return table.assign(Metadata_Plate=table["PlateName"], Metadata_Well=padded(table["WellName"]))


def padded(wells: pd.Series) -> pd.Series:
    """Return A1 as A01."""
    return wells.str[0] + wells.str[1:].str.zfill(2)


@pytest.fixture(scope="module")
def tested(real_data: Callable[[str], Path], published: pd.DataFrame) -> pd.DataFrame:
    """Return each gene with its p-values by block, from the shapes of single nuclei."""
    cells = pd.read_parquet(real_data(f"{FOLDER}/single_cell/secondary_screen_single_cells.parquet"))
    assert len(cells) == 289_074
    shape = [f"Nuclei Selected - Nucleus {name}" for name in SHAPE]
    keys = {"Metadata_Plate": cells["PlateName"].astype(str), "Metadata_Well": padded(cells["WellName"].astype(str))}
    cells = cells[shape].assign(**keys)
    gene = published["gene_symbol"].where(published["treatment"] == "sample", published["treatment"])
    platemap = published[["Metadata_Plate", "Metadata_Well"]].assign(
        Metadata_Gene=gene, Metadata_Role=published["treatment"]
    )
    table = cpf.annotate(cpf.fingerprint(cells, reference=NEGATIVE, platemap=platemap), platemap, how="left")
    wells = table[table["Metadata_Role"].notna() & (table["Metadata_Role"] != "empty")]
    found = cpf.activity(wells, by="Metadata_Gene", reference=NEGATIVE, blocks=True)
    hits = {block: benjamini_hochberg(found[f"p_{block}"].to_numpy(np.float64)) <= 0.05 for block in BLOCKS}
    return found.assign(**hits, hit=found["q_value"] <= 0.05).set_index("Metadata_Gene")


def by_means(published: pd.DataFrame) -> pd.Series:
    """Return which genes the means call: area or roundness beyond 2, in one direction, in all wells of the gene."""
    scores = published[published["treatment"] == "sample"].groupby("gene_symbol")
    called = [
        scores[name].apply(lambda z, sign=sign: (sign * z >= 2).all())
        for name in ("area_z_score", "round_z_score")
        for sign in (-1, 1)
    ]
    return pd.concat(called, axis=1).any(axis=1)


def test_positive_controls_change_in_every_block(tested: pd.DataFrame) -> None:
    """Lamins and SYNE2 shape nuclei: level, spread and dependence all speak."""
    assert tested.loc[["LMNA", "LMNB1", "SYNE2"], list(BLOCKS)].all(axis=None)


def test_what_each_block_adds(tested: pd.DataFrame, published: pd.DataFrame) -> None:
    """The table of docs/fingerprints.md, give or take chance: blocks find most of the means' hits, and others."""
    means = by_means(published)
    genes = tested.loc[means.index]
    assert len(genes) == 166
    assert means.sum() == 40
    counts = {name: (genes[name].sum(), (genes[name] & means).sum()) for name in (*BLOCKS, "hit")}
    expected = {"level": (59, 31), "spread": (20, 10), "dependence": (75, 31), "hit": (74, 32)}
    for name, (n, shared) in expected.items():
        assert abs(counts[name][0] - n) <= 5
        assert abs(counts[name][1] - shared) <= 3
    beyond = genes["hit"] & ~means & (genes["p_level"] > 0.05)
    assert 7 <= beyond.sum() <= 13
    assert not genes.loc[beyond, "block"].str.contains("average change").any()
