"""Draw docs/images/plan_power.png: how many plates and controls find an assumed effect."""

from pathlib import Path

import matplotlib.pyplot as plt

import cellprofiling as cpf


def main() -> None:
    """Plan two effects with two numbers of controls."""
    plan = cpf.plan_power(plates=[2, 3, 4, 6], controls=[12, 32], effect=[0.2, 0.4], simulations=5, permutations=1000)
    print(plan.drop(columns=["cells_per_well", "compounds"]).round(3).to_string(index=False))
    print(plan.attrs["recommendation"])
    ax = cpf.plot.power(plan)
    ax.figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
    plt.close(ax.figure)


if __name__ == "__main__":
    main()
