"""Find what is planted in simulated screens, beside copairs; write docs/images/power.png and docs/images/power.csv.

python benchmarks/power.py [SEEDS]

Screens of five presets are made into wells, MAD-normalized, features selected, and sent through the tests. Recall is
compared where both lists hold equally many false hits: each is cut at the best threshold at which no more than 5 % of
it is false. That asks how well a score orders treatments and says nothing about p-values; what a user gets who asks for
a false discovery rate of 5 % stands beside it.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import cellprofiling as cpf
from cellprofiling.simulate.compounds import hill

IMAGES = Path(__file__).parents[1] / "docs" / "images"
NEGCON = "Metadata_Role == 'negcon'"
BY = ["Metadata_Compound", "Metadata_Dose"]
POLISHED = "messy, polished"  # the same screens with position corrected, as the page on position asks
PRESETS = ("easy", "library", "hetero", "toxic", "messy", POLISHED)
SIZES = {"easy": {"compounds": 240}, "hetero": {"compounds": 240}}  # one dose each; the others have 60 x 6 treatments
METHODS = ("map", "mahalanobis", "energy")
PERMUTATIONS, LEVEL = 10_000, 0.05
PLANTED = 0.1  # of the full effect, or of the full loss of cells: less at a dose is neither an effect nor none
KINDS = ("full shift", "weak shift", "half of the cells", "rare cells", "spread only", "dying only", "dying and shift")


def screens(preset: str, seeds: int) -> Iterator[tuple[int, pd.DataFrame, pd.DataFrame]]:
    """Give seed, profiles and what was planted of each screen of a preset."""
    for seed in range(seeds):
        screen = cpf.simulate_screen(preset.split(",")[0], seed=seed, **SIZES.get(preset, {}))
        wells = cpf.annotate(cpf.aggregate(screen.cells), screen.platemap)
        if preset == POLISHED:
            wells = cpf.correct_position(wells, "median_polish")
        profiles = cpf.select_features(cpf.normalize(wells, "mad_robustize", reference=NEGCON))
        yield seed, profiles, planted(screen.platemap, screen.truth.compounds)


def planted(platemap: pd.DataFrame, compounds: pd.DataFrame) -> pd.DataFrame:
    """Return one row per treatment: whether something was planted, of which kind, or surely nothing (`inert`)."""
    treated = platemap.loc[platemap["Metadata_Role"] == "treatment", BY].drop_duplicates()
    table = treated.merge(compounds, on="Metadata_Compound", validate="m:1")
    dose, slope = table["Metadata_Dose"].to_numpy(), table["slope"].to_numpy()
    moved = np.where(table["active"], hill(dose, table["ec50"].to_numpy(), slope), 0.0)
    killed = np.where(table["toxic"], hill(dose, table["lethal_ec50"].to_numpy(), slope), 0.0)
    moves, kills = moved >= PLANTED, killed >= PLANTED
    rare, half = table["fraction"] < 0.3, table["fraction"].between(0.3, 0.99)
    kinds = {
        "dying and shift": moves & kills,
        "dying only": kills,
        "spread only": moves & (table["type"] == "dispersion"),
        "rare cells": moves & rare,
        "half of the cells": moves & half,
        "full shift": moved >= 0.5,
        "weak shift": moves,
    }
    kind = np.select(list(kinds.values()), list(kinds), "")
    return table[BY].assign(kind=kind, planted=moves | kills, inert=~(table["active"] | table["toxic"]))


def by_copairs(profiles: pd.DataFrame) -> pd.DataFrame:
    """Return the hit list of copairs: controls of the same plate are the negatives."""
    from copairs import map as copairs_map

    row = np.where(profiles["Metadata_Role"] == "negcon", np.arange(len(profiles)), -1)
    meta = profiles[["Metadata_Plate", "Metadata_Role", *BY]].assign(Metadata_Row=row)
    meta["Metadata_Dose"] = meta["Metadata_Dose"].fillna(0.0)
    x = profiles[[name for name in profiles if not name.startswith("Metadata_")]].to_numpy()
    pairs = [*BY, "Metadata_Row"]
    scores = copairs_map.average_precision(meta, x, pairs, [], ["Metadata_Plate"], pairs, progress_bar=False)
    with tempfile.TemporaryDirectory() as cache:
        found = copairs_map.mean_average_precision(
            scores[scores["Metadata_Role"] == "treatment"],
            BY,
            null_size=PERMUTATIONS,
            threshold=LEVEL,
            seed=0,
            progress_bar=False,
            cache_dir=cache,
        )
    return found.rename(columns={"mean_average_precision": "statistic", "corrected_p_value": "q_value"})


def by_activity(method: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return the function that makes our hit list."""
    return lambda profiles: cpf.activity(profiles, by=BY, reference=NEGCON, method=method, permutations=PERMUTATIONS)


CALLERS = {"copairs": by_copairs} | {method: by_activity(method) for method in METHODS}


def call(presets: tuple[str, ...] = PRESETS, seeds: int = 4, callers: tuple[str, ...] = tuple(CALLERS)) -> pd.DataFrame:
    """Return the lists of all callers, one row per treatment and list, with what was planted."""
    found = []
    for preset in presets:
        for seed, profiles, truth in screens(preset, seeds):
            for name in callers:
                hits = CALLERS[name](profiles)[[*BY, "statistic", "p_value", "q_value"]]
                found.append(hits.merge(truth, on=BY, validate="1:1").assign(preset=preset, seed=seed, caller=name))
    lists = pd.concat(found, ignore_index=True)
    return lists[lists["planted"] | lists["inert"]]


def accepted(hits: pd.DataFrame, level: float = LEVEL) -> NDArray[np.bool_]:
    """Return the rows of the longest head of a list of which no more than `level` is false."""
    order = np.lexsort((-hits["statistic"], hits["p_value"]))
    false = np.cumsum(hits["inert"].to_numpy()[order])
    fine = np.flatnonzero(false <= level * np.arange(1, len(hits) + 1))
    kept = np.zeros(len(hits), dtype=bool)
    kept[order[: fine[-1] + 1 if len(fine) else 0]] = True
    return kept


def recall(hits: pd.DataFrame) -> float:
    """Return the share of what was planted that is in the accepted head of the list."""
    return float(accepted(hits)[hits["planted"].to_numpy()].mean())


def compare(lists: pd.DataFrame, draws: int = 500, seed: int = 0) -> pd.DataFrame:
    """Return one row per preset and caller.

    Columns: ``recall`` at equal realized FDR, its difference from copairs with a 95 % interval over compounds drawn
    anew, and what a nominal FDR of 5 % gives: ``recall_nominal`` and ``false_nominal`` (share of the hits).
    """
    rng = np.random.default_rng(seed)
    rows = []
    for preset, of_preset in lists.groupby("preset", sort=False):
        sides = {
            name: side.set_index(["seed", *BY]).sort_index() for name, side in of_preset.groupby("caller", sort=False)
        }
        compound = pd.factorize(pd.MultiIndex.from_frame(sides["copairs"].reset_index()[["seed", BY[0]]]))[0]
        members = np.split(np.argsort(compound, kind="stable"), np.cumsum(np.bincount(compound))[:-1])
        samples = [
            np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]) for _ in range(draws)
        ]
        theirs = np.array([recall(sides["copairs"].iloc[sample]) for sample in samples])
        for name, side in sides.items():
            ours = np.array([recall(side.iloc[sample]) for sample in samples])
            low, high = np.quantile(ours - theirs, [0.025, 0.975])
            called = side["q_value"] <= LEVEL
            rows.append(
                {
                    "preset": preset,
                    "caller": name,
                    "planted": int(side["planted"].sum()),
                    "inert": int(side["inert"].sum()),
                    "recall": recall(side),
                    "difference": recall(side) - recall(sides["copairs"]),
                    "low": low,
                    "high": high,
                    "recall_nominal": called[side["planted"]].mean(),
                    "false_nominal": side.loc[called, "inert"].mean() if called.any() else 0.0,
                    "small_p": (side.loc[side["inert"], "p_value"] <= LEVEL).mean(),
                }
            )
    return pd.DataFrame(rows)


def by_kind(lists: pd.DataFrame, presets: tuple[str, ...] = ("library", "hetero", "toxic")) -> pd.DataFrame:
    """Return recall at equal realized FDR by kind of effect, one column per caller."""
    some = lists[lists["preset"].isin(presets)].copy()
    for _, hits in some.groupby(["preset", "caller"]):
        some.loc[hits.index, "found"] = accepted(hits)
    real = some[some["planted"]].assign(found=lambda hits: hits["found"].astype(bool))
    table = real.pivot_table("found", "kind", "caller")
    return table.assign(n=real[real["caller"] == "map"]["kind"].value_counts()).loc[list(KINDS), [*CALLERS, "n"]]


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw recall at equal realized FDR, and what a nominal 5 % gives."""
    import matplotlib.pyplot as plt

    from cellprofiling.plot.style import BLUE, GREEN, GREY, INK, MUTED, ORANGE, PAPER, quiet

    colors = dict(zip(CALLERS, (GREY, BLUE, GREEN, ORANGE), strict=True))
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", facecolor=PAPER, sharey=True)
    titles = {
        "recall": "ordering: lists cut where 5 % of them are false",
        "recall_nominal": "as called: false discovery rate of 5 % asked for",
    }
    for ax, (column, title) in zip(axes, titles.items(), strict=True):
        for i, (name, color) in enumerate(colors.items()):
            values = table[table["caller"] == name].set_index("preset").loc[list(PRESETS)]
            place = np.arange(len(PRESETS)) + 0.2 * (i - 1.5)
            ax.bar(place, values[column], width=0.18, color=color, label=f"{name} (mAP)" if name == "copairs" else name)
            if column == "recall_nominal":
                for x, value, false in zip(place, values[column], values["false_nominal"], strict=True):
                    ax.text(x, value + 0.01, f"{100 * false:.0f}", ha="center", fontsize=6.5, color=MUTED)
        ax.set_xticks(range(len(PRESETS)), [name.replace(", ", ",\n") for name in PRESETS])
        ax.set(ylim=(0, 1.09))
        ax.set_title(title, fontsize=9, color=INK)
        quiet(ax)
    axes[0].set_ylabel("share of planted effects found")
    axes[1].text(0.99, 0.9, "small numbers: % of the hits that are false", transform=axes[1].transAxes, ha="right",
                 fontsize=7.5, color=MUTED)  # fmt: skip
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, frameon=False, fontsize=8, labelcolor=INK, ncols=4, loc="outside upper center")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main(seeds: int) -> None:
    """Print and write everything."""
    lists = call(seeds=seeds)
    table = compare(lists)
    print(table.round(3).to_string(index=False))
    kinds = by_kind(lists)
    print(kinds.round(2).to_string())
    table.round(4).to_csv(IMAGES / "power.csv", index=False)
    kinds.round(4).to_csv(IMAGES / "power_by_kind.csv")
    draw(table, IMAGES / "power.png")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
