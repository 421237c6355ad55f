"""Measure how often copairs and the package call compounds that do nothing: the table of docs/why_these_p_values.md.

python benchmarks/peer_p_values.py [SCREENS]

230 features with 20 common factors, plate shifts, 30 inert compounds with one well on each plate, MAD-normalized to the
controls; then as they are, or whitened on the same controls.
"""

import sys

import numpy as np
import pandas as pd
from power import by_copairs

import cellprofiling as cpf

NEGCON = "Metadata_Role == 'negcon'"
COMPOUNDS, FEATURES, FACTORS = 30, 230, 20
DESIGNS = {
    "6 plates, 16 controls each": [16] * 6,
    "3 plates, 32 controls each": [32] * 3,
    "5 plates, 64 controls each": [64] * 5,
    "5 plates, 64, 63, 62, 61 and 60 controls": [64, 63, 62, 61, 60],
}


def noise(seed: int, controls: list[int]) -> pd.DataFrame:
    """Return a normalized screen in which nothing happens."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(FACTORS, FEATURES))
    names = [f"Cells_Texture_Contrast_DNA_{i}_00_256" for i in range(FEATURES)]
    frames = []
    for plate, n in enumerate(controls):
        compound = np.r_[np.full(n, -1), np.arange(COMPOUNDS)]
        x = rng.normal(size=(len(compound), FACTORS)) @ factors + rng.normal(size=(len(compound), FEATURES))
        metadata = pd.DataFrame({"Metadata_Plate": f"P{plate}", "Metadata_Compound": [f"c{c}" for c in compound]})
        metadata["Metadata_Role"] = np.where(compound < 0, "negcon", "treatment")
        metadata["Metadata_Dose"] = np.where(compound < 0, 0.0, 1.0)
        frames.append(pd.concat([metadata, pd.DataFrame(x + rng.normal(size=FEATURES), columns=names)], axis=1))
    return cpf.normalize(pd.concat(frames, ignore_index=True), "mad_robustize", reference=NEGCON)


def ours(profiles: pd.DataFrame) -> pd.DataFrame:
    """Return the default test."""
    return cpf.activity(profiles, by="Metadata_Compound", reference=NEGCON)


def main(n_screens: int) -> None:
    """Print one row per design and preparation."""
    print(
        "| design | profiles | copairs, p <= 0.05 | p <= 0.01 | p <= 0.001 | ours, p <= 0.05 | p <= 0.01 | p <= 0.001 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for design, controls in DESIGNS.items():
        plain = [noise(seed, controls) for seed in range(n_screens)]
        whitened = [cpf.whiten(each, "zca_cor", reference=NEGCON) for each in plain]
        for words, profiles in (("normalized", plain), ("then whitened", whitened)):
            cells = []
            for call in (by_copairs, ours):
                p = np.concatenate([call(each)["p_value"] for each in profiles])
                cells += [f"{(p <= level).mean():.1%}" for level in (0.05, 0.01, 0.001)]
            print(f"| {design} | {words} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
