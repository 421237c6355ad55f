"""Draw docs/images/titration.png: `python docs/images/titration.py`."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import cellprofiling as cpf
from cellprofiling.plot import style

N, DOSES, N_FEATURES = 30, 10.0 ** np.linspace(-2, 1.5, 8), 24
rng = np.random.default_rng(5)
mix = np.eye(N_FEATURES) * 0.5 + rng.normal(size=(N_FEATURES, N_FEATURES)) / np.sqrt(N_FEATURES)
way = rng.normal(size=(N, N_FEATURES))
way[1] = way[0]
ec50 = 10 ** rng.uniform(-1.5, 1, N)
ec50[:2] = 0.1, 2.0
names = [f"Cells_{i}" for i in range(N_FEATURES)]
frames = []
for plate in range(3):
    who = np.repeat(np.arange(-1, N), [16, *[8] * N])
    dose = np.r_[np.zeros(16), np.tile(DOSES, N)]
    x = rng.normal(size=(len(who), N_FEATURES))
    x[16:] += (2.5 / (1 + ec50[who[16:]] / dose[16:]))[:, None] * way[who[16:]]
    metadata = pd.DataFrame(
        {"Metadata_Plate": f"P{plate}", "Metadata_Compound": [f"c{i}" for i in who], "Metadata_Dose": dose}
    )
    frames.append(pd.concat([metadata, pd.DataFrame(x @ mix, columns=names)], axis=1))
wells = pd.concat(frames, ignore_index=True)
pairs = cpf.titration_similarity(
    wells, by="Metadata_Compound", dose="Metadata_Dose", reference="Metadata_Compound == 'c-1'"
)
best = pairs.iloc[0]
print(best, pairs["q_value"].le(0.05).sum())

means = (
    wells.groupby(["Metadata_Compound", "Metadata_Dose"])[names].mean()
    - wells.query("Metadata_Dose == 0")[names].mean()
)
compounds = best["Metadata_Compound_a"], best["Metadata_Compound_b"]
order = np.argsort(means.loc[compounds[0]].iloc[-1].to_numpy())
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained", width_ratios=(3, 2))
shift = float(best["shift"])
for row, (compound, offset) in enumerate(zip(compounds, (shift, 0.0), strict=True)):
    image = means.loc[compound].to_numpy()[:, order].T
    low = row * (N_FEATURES + 3)
    left.imshow(
        image, cmap="RdBu_r", vmin=-6, vmax=6, aspect="auto", extent=(offset - 0.5, offset + 7.5, low + N_FEATURES, low)
    )
    left.text(offset - 0.7, low + N_FEATURES / 2, compound, ha="right", va="center", color=style.INK)
left.set(xlim=(-1.5, shift + 8), ylim=(2 * N_FEATURES + 3, 0), yticks=[], xlabel="dose step of the second compound")
left.set_title(
    f"{compounds[0]} is {best['fold']:.0f} times as potent; r = {best['similarity']:.2f}", loc="left", fontsize=9
)
right.hist(pairs["score"], bins=40, color=style.LINE, label="pairs")
right.axvline(best["score"], color=style.INK, lw=1.4)
right.text(best["score"], right.get_ylim()[1] * 0.9, f"p = {best['p_value']:.2g} ", ha="right", color=style.INK)
right.set(xlabel="score of all pairs", ylabel="pairs")
for ax in (left, right):
    style.quiet(ax)
figure.savefig(Path(__file__).with_name("titration.png"), dpi=110)
