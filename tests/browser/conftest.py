"""A report in headless Chromium: skipped where there is no browser, but not in CI."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.plates import well_names
from tests.builders import NEGCON

EVIL = '"><img src=x onerror=alert(1)>'
SCRIPT = "</script><script>alert(2)</script>$$x^2$$"


def absent(what: str, remedy: str) -> None:
    """Skip, or fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; CI must run the browser tests: {remedy}")
    pytest.skip(f"{what}: {remedy}")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start one browser for all tests."""
    webdriver = pytest.importorskip("selenium.webdriver")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        absent("no Chromium with its driver", "apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    profile = tmp_path_factory.mktemp("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.add_argument("--enable-precise-memory-info")
    options.add_argument("--window-size=1440,1000")
    options.add_experimental_option("prefs", {"download.default_directory": str(profile)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return axe-core, which `make` fetches."""
    path = Path(__file__).parents[2] / ".venv" / "axe" / "package" / "axe.min.js"
    if not path.exists():
        absent("no axe-core", "make .venv/axe, which needs npm")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def read(chromium: Any) -> Callable[[Path], Any]:
    """Open a page and wait until its views are drawn."""

    def open_page(path: Path, *, theme: str = "light", width: int = 1440) -> Any:
        chromium.get_log("browser"), chromium.get_log("performance")
        chromium.set_window_size(width, 1000)
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        chromium.get(path.as_uri())
        until(chromium, "return !!globalThis.views")
        return chromium

    return open_page


def until(browser: Any, script: str, seconds: float = 60) -> None:
    """Wait until the script returns something true."""
    end = time.monotonic() + seconds
    while not browser.execute_script(script):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {script}\n{browser.get_log('browser')}")
        time.sleep(0.05)


def screen(n_plates: int, n_wells: int = 96, *, odd: bool = False, seed: int = 0) -> dict[str, Any]:
    """Return the tables of a screen in which the first perturbation lies apart in the embedding."""
    rng = np.random.default_rng(seed)
    plates = [f"BR{i:06d}" for i in range(1, n_plates + 1)]
    if odd:
        plates[0] = EVIL
    n = n_plates * n_wells
    wells = pd.DataFrame(
        {"Metadata_Plate": np.repeat(plates, n_wells), "Metadata_Well": well_names(n_wells) * n_plates}
    )
    place = np.tile(np.arange(n_wells), n_plates)
    group = np.repeat(np.arange(n_plates), n_wells) // 4  # four replicate plates of each layout
    wells["Metadata_Role"] = np.where(place % 8 == 3, "negcon", "treatment")
    names = np.array([f"CPD-{code:06d}" for code in range(n_wells * (n_plates // 4 + 1))], dtype=object)
    if odd:
        names[0] = SCRIPT
    wells["Metadata_Compound"] = np.where(wells["Metadata_Role"] == "negcon", "DMSO", names[place + group * n_wells])
    wells["Metadata_Object_Count"] = rng.normal(200, 20, n).round()
    for channel in ("DNA", "ER", "RNA", "AGP", "Mito"):
        wells[f"Cells_Intensity_MeanIntensity_{channel}"] = rng.normal(0.1, 0.01, n)
    for i in range(12):
        wells[f"Cells_Texture_{i}"] = rng.normal(size=n)
    metadata = [name for name in wells if name.startswith("Metadata_")]
    found = wells["Metadata_Compound"] == names[0]
    embedding = wells[metadata].assign(
        PCA1=np.where(found, 50.0, 0.0) + rng.normal(size=n), PCA2=np.where(found, 50.0, 0.0) + rng.normal(size=n)
    )
    tested = [name for name in dict.fromkeys(wells["Metadata_Compound"]) if name != "DMSO"]
    m = len(tested)
    score = np.linspace(1, 0, m)
    hits = pd.DataFrame({"rank": range(1, m + 1), "Metadata_Compound": tested, "n_wells": 4, "n_plates": 4})
    hits = hits.assign(
        map=score, map_ci_low=score * 0.9, map_ci_high=score, p_value=np.linspace(1e-4, 1, m), p_floor=1e-4
    )
    hits = hits.assign(q_value=hits["p_value"], hit=np.arange(m) < max(m // 10, 1), cell_count_ratio=1.0)
    hits["reason"] = "q = 0.00021 <= 0.05, 4 wells on 4 plates"
    hits["top_features"] = "Cytoplasm_Granularity_2_AGP (+6.6); Cells_RadialDistribution_FracAtD_RNA_1of4 (+3.6)"
    hits.attrs["parameters"] = {"by": ["Metadata_Compound"], "reference": NEGCON, "fdr": 0.05, "method": "map"}
    return {
        "wells": wells,
        "profiles": wells[[*metadata, *(f"Cells_Texture_{i}" for i in range(12))]],
        "hits": hits,
        "embedding": embedding,
        "quality": {"status": "warn", "checks": [check for plate in plates for check in checks(plate, rng)]},
        "ledger": pd.DataFrame(
            [{"step": "select", "item": "feature", "name": "Cells_a", "reason": "constant", "n": 1}]
        ),
        "provenance": {
            "parameters": {"name": "odd" if odd else f"{n_plates} plates", "reference": NEGCON},
            "inputs": [{"path": "cells/P1.parquet", "bytes": 1234, "sha256": "ab" * 32}],
            "versions": {"numpy": "2"},
        },
    }


def checks(plate: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return as many checks as a plate has."""
    return [
        {
            "id": f"position.check_{i}",
            "level": "plate",
            "scope": plate,
            "status": "warn" if i == 0 and plate.endswith("2") else "pass",
            "metric": "what rows and columns explain of the number of cells",
            "value": float(rng.random()),
            "ci_low": None,
            "ci_high": None,
            "n": 384,
            "threshold": "warn above 10 %, fail above 25 %",
            "source": "our default; doi 10.1177/1087057103258285",
            "message": f"Rows and columns explain some of the cells on plate {plate}.",
            "remedy": "Look at the plate map.",
            "waived": "",
        }
        for i in range(20)
    ]


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report of a small screen with names that look like markup."""
    return cpf.write_report(screen(4, odd=True), tmp_path_factory.mktemp("report") / "report.html")
