"""Draw docs/images/doses.png: `python docs/images/doses.py`."""

from pathlib import Path

import matplotlib.pyplot as plt

import cellprofiling as cpf

screen = cpf.simulate_screen(
    "easy", seed=1, plates=3, compounds=40, doses=[0.03, 0.1, 0.3, 1, 3, 10], controls=48, cells_per_well=60,
    features=120,
)  # fmt: skip
wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
asked = {"by": "Metadata_Compound", "dose": "Metadata_Dose", "reference": "Metadata_Role == 'negcon'"}
fits, responses = cpf.fit_doses(wells, **asked), cpf.dose_responses(wells, **asked)
truth = screen.truth.compounds.set_index("Metadata_Compound")["ec50"]

clear = fits[fits["flag"] == ""].iloc[0]["Metadata_Compound"]
late = fits[fits["flag"].str.contains("upper limit")].iloc[0]["Metadata_Compound"]
inert = fits[fits["model"] == "none"].iloc[0]["Metadata_Compound"]
figure, row = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained", sharey=True)
for ax, compound in zip(row, (clear, late, inert), strict=True):
    cpf.plot.doses(fits, responses, compound=compound, ax=ax)
figure.savefig(Path(__file__).with_name("doses.png"), dpi=110)
print(truth[[clear, late]])
