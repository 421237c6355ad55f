"""The picture of the report in docs/report.md: `python docs/images/report.py` (needs chromium and chromedriver)."""

import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver

from cellprofiling.recipe.demo import run_demo

HERE = Path(__file__).parent
LEFT_OUT = ("plates", "controls", "position", "replicates", "effects", "checks", "dropped", "provenance", "hits")

APART = """
  const far = [...views.x.keys()].filter((i) => views.x[i] > 15 && views.y[i] < 5);
  views.selectedFrom(far);
"""


def picture(page: Path) -> Image.Image:
    """Return what a reader sees after drawing a lasso in the embedding."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--window-size=1240,1000"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    browser.get(page.as_uri())
    while not browser.execute_script("return !!globalThis.views"):
        time.sleep(0.1)
    browser.execute_script(APART)
    for name in LEFT_OUT:
        browser.execute_script("document.getElementById(arguments[0]).style.display = 'none'", name)
    height = browser.execute_script("return document.querySelector('main').getBoundingClientRect().height") - 160
    size = {"width": 1240, "height": round(height), "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    time.sleep(2)
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        browser.save_screenshot(file.name)
        image = Image.open(file.name).convert("RGB")
        image.load()
    browser.quit()
    return image


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run_demo("easy", Path(folder))
        picture(Path(folder) / "results" / "report.html").quantize(220).save(HERE / "report.png", optimize=True)
