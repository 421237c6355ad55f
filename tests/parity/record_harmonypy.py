"""Write harmonypy.npz: how well harmonypy mixes the batches of one table.

Run by hand, in an environment of its own, because harmonypy is under the GPL and no part of this project:
pip install "harmonypy==2.1.0" pandas; python tests/parity/record_harmonypy.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd


def record() -> None:
    """Compute and write."""
    import harmonypy

    rng = np.random.default_rng(0)
    kind, codes = np.repeat(np.arange(6), 120), np.tile(np.repeat(np.arange(4), 30), 6)
    z = 4 * rng.normal(size=(6, 10))[kind] + 1.5 * rng.normal(size=(4, 10))[codes]
    z += rng.normal(size=z.shape)
    recorded = {"versions": np.array([f"harmonypy {version('harmonypy')}"]), "z": z, "codes": codes, "kind": kind}
    for name, options in {
        "default": {},
        "ten": {"epsilon_harmony": -np.inf, "max_iter_harmony": 10, "lamb": 1},
    }.items():
        batch = pd.DataFrame({"batch": [f"B{code}" for code in codes]})
        found = np.asarray(harmonypy.run_harmony(z, batch, "batch", verbose=False, **options).Z_corr)
        recorded[name] = found if found.shape == z.shape else found.T
    np.savez_compressed(Path(__file__).with_name("harmonypy.npz"), **recorded)


if __name__ == "__main__":
    record()
