"""Kinds of screens: one row of numbers each, every number with where it was measured.

LINCS: Cell Painting of A549 cells, 136 plates, 52,223 wells. JUMP: pilot plates and two raw sites. BBBC021: MCF7 cells,
38 compounds of known mechanism. SD of a cell: the spread of single control cells of a well.
"""

from dataclasses import dataclass, replace

Range = tuple[float, float]

SIX_DOSES = tuple(round(10 / 3**i, 3) for i in range(5, -1, -1))  # LINCS: six doses, threefold, 0.04 to 10 uM


@dataclass(frozen=True)
class Cohort:
    """Compounds that act in one way.

    Attributes
    ----------
    type : "active" (shifts features), "dispersion" (spreads cells to both sides, the mean stays), "toxic" (kills cells,
        changes nothing else), "toxic_active" (does both).
    share : of all compounds.
    effect : by how many SDs of a cell the affected features of a responding cell move (root mean square).
    fraction : of cells that respond.
    """

    type: str
    share: float
    effect: float = 0.0
    fraction: float = 1.0


@dataclass(frozen=True)
class Preset:
    """Everything that makes a screen what it is, but for its seed."""

    cohorts: tuple[Cohort, ...] = ()

    # Layout. LINCS: 384 wells, 24 of them DMSO. CPJUMP1 has 4 replicates, LINCS 5, BBBC021 3.
    plates: int = 4
    wells_per_plate: int = 384
    controls: int = 24
    compounds: int = 60
    doses: tuple[float, ...] = (10.0,)
    layout: str = "random"
    batches: int = 2
    # Two JUMP fields of 36 to 109 cells each; a whole LINCS well has 2,500.
    cells_per_well: int = 120
    sites: int = 2
    features: int = 230

    # Mechanisms. BBBC021: 2 to 4 compounds each. Of the factors, a share of `breadth` is moved, and `likeness` of the
    # time in the direction that is usual for the factor: with `effect` 0.45, a third of the features is beyond 2 SDs of
    # control wells, and the cosine of two treatments is 0.86 within and 0.33 between mechanisms, as in BBBC021.
    mechanism_size: int = 3
    breadth: Range = (0.15, 0.6)
    likeness: float = 0.9
    # Potency in uM, and slope of the Hill curve. LINCS: 4 % of wells have below half the cells at the lowest dose and
    # 19 % at the highest.
    ec50: Range = (0.1, 1.0)
    lethal_ec50: Range = (0.3, 10.0)
    slope: Range = (0.9, 1.5)

    # SDs of shifts of all factors, in SDs of a cell. BBBC021: 0.30, 0.16 and 0.51 of the variance of control wells, of
    # which sampling 120 cells makes up a part.
    batch_sd: float = 0.15
    plate_sd: float = 0.10
    well_sd: float = 0.10

    # Position: relative change of the cell count, and what that does to features (in SDs of a cell, where a position
    # doubles the cells). LINCS: edge wells -20 %; SD of rows 0.12 and of columns 0.08, edges included, 65 % of it the
    # same on all plates; counts of plates vary by 0.15, replicates by 0.08. CPJUMP1: half of all positions can be told
    # by their DMSO wells.
    edge: float = 0.20
    row_sd: float = 0.10
    column_sd: float = 0.06
    constancy: float = 0.65
    plate_count_sd: float = 0.15
    count_sd: float = 0.08
    position: float = 0.7
    crowding: float = 1.0  # shift of the crowding factor where cells are e times as many

    # Blemishes. JUMP: 1 to 2 % artifacts, 1.2 to 1.9 % of features constant, 1.7 % with MAD 0, none with missing
    # values.
    artifacts: float = 0.015
    missing_features: float = 0.0
    constant_features: float = 0.0
    floored_features: float = 0.0
    # Share of wells that hold what the platemap says of another; whether the second plate was turned by 180 degrees.
    swapped: float = 0.0
    rotated: bool = False


REALISTIC = Preset()

PRESETS: dict[str, Preset] = {
    "null": REALISTIC,
    # BBBC021: strong and well-known compounds; edge wells are left empty.
    "easy": replace(REALISTIC, cohorts=(Cohort("active", 0.5, effect=0.45),), edge=0.0, row_sd=0.05, column_sd=0.03),
    # Kalinin 2025: weak effects move 1 to 64 % of features by 1 SD of a well. EC50 within a decade of the doses.
    "library": replace(
        REALISTIC,
        cohorts=(Cohort("active", 0.2, effect=0.35), Cohort("toxic", 0.05), Cohort("toxic_active", 0.05, effect=0.35)),
        doses=SIX_DOSES,
        breadth=(0.05, 0.5),
        ec50=(0.004, 100.0),
    ),
    # From rare to all, the cells that respond do so alike.
    "hetero": replace(
        REALISTIC,
        cohorts=(
            *(Cohort("active", 0.12, effect=2.0, fraction=share) for share in (0.05, 0.10, 0.25, 0.50, 1.0)),
            Cohort("dispersion", 0.12, effect=0.8),
        ),
    ),
    "toxic": replace(
        REALISTIC,
        cohorts=(Cohort("toxic", 0.25), Cohort("toxic_active", 0.25, effect=0.45), Cohort("active", 0.15, effect=0.45)),
        doses=SIX_DOSES,
    ),
    # Everything at once; JUMP sources report wells with the wrong compound and plates that may be turned.
    "messy": replace(
        REALISTIC,
        cohorts=(Cohort("active", 0.3, effect=0.45), Cohort("toxic", 0.1), Cohort("toxic_active", 0.1, effect=0.45)),
        doses=SIX_DOSES,
        layout="fixed",
        batch_sd=0.35,
        plate_sd=0.20,
        position=1.4,
        artifacts=0.02,
        missing_features=0.01,
        constant_features=0.015,
        floored_features=0.017,
        swapped=0.005,
        rotated=True,
    ),
}
