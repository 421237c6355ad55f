"""Write scanpy_combat.npz: what scanpy's ComBat makes of some small tables.

Run by hand, in an environment of its own: pip install "scanpy==1.11.5"; python tests/parity/record_scanpy_combat.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = {"small": ((6, 9, 4), 12), "even": ((40, 40), 30), "uneven": ((5, 60, 20, 15), 25)}


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of batches that differ in location and scale, and the batch of each."""
    sizes, d = SIZES[name]
    rng = np.random.default_rng(len(name))
    codes = np.repeat(np.arange(len(sizes)), sizes)
    stretch, shift = np.exp(0.3 * rng.normal(size=(len(sizes), d))), rng.normal(size=(len(sizes), d))
    return 5 + rng.normal(size=(len(codes), d)) * stretch[codes] + shift[codes], codes


def record() -> None:
    """Compute and write."""
    import anndata
    import scanpy

    recorded = {"versions": np.array([f"scanpy {version('scanpy')}", f"numpy {version('numpy')}"])}
    for name in SIZES:
        x, codes = table(name)
        batch = pd.Categorical([f"B{code}" for code in codes])
        data = anndata.AnnData(x, obs=pd.DataFrame({"batch": batch}, index=[str(i) for i in range(len(x))]))
        recorded |= {
            f"{name}_x": x,
            f"{name}_codes": codes,
            f"{name}_y": scanpy.pp.combat(data, key="batch", inplace=False),
        }
    np.savez_compressed(Path(__file__).with_name("scanpy_combat.npz"), **recorded)


if __name__ == "__main__":
    record()
