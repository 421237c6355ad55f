"""The report as a reader meets it: offline, by mouse and by keyboard, in both themes."""

import json

import psutil
import pytest

import cellprofiling as cpf
from tests.browser.conftest import EVIL, SCRIPT, screen, until

KEY = "return document.activeElement"


def requests(browser):
    """Return the addresses that were asked for, but for the page and what it holds itself."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def complaints(browser):
    """Return what the console says that is no greeting of the library and no note of the graphics driver."""
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_page_opens_without_a_complaint_and_asks_nobody(read, report):
    browser = read(report)
    for details in browser.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", details)
    browser.execute_script("views.chooseMetric(1); views.choosePlate(2); views.selectedFrom([0, 1, 2])")
    assert complaints(browser) == []
    assert requests(browser) == []


def test_names_stay_text_in_tables_tips_and_plots(read, report):
    browser = read(report)
    assert browser.find_elements("css selector", "img") == []
    assert browser.execute_script("return grids.hits.row(0)[1]") == SCRIPT
    assert browser.find_element("css selector", "table.hits tbody th").text == SCRIPT
    assert EVIL in browser.find_element("css selector", "table[data-grid=plates]").text
    browser.execute_script("views.shared.inspected.indices = [0]; views.shared.inspect.emit([null, {}])")
    tip = browser.find_element("id", "tip")
    assert tip.text.startswith(f"{EVIL} A01 · {SCRIPT} · hit · Cells per well")
    assert browser.find_elements("css selector", "#tip *") == []
    assert browser.execute_script("return views.namesOnAxis") == [f"{EVIL[:13]}…", "BR000002", "BR000003", "BR000004"]
    assert complaints(browser) == []


def drag(browser, box, start, end):
    """Draw a box inside an element, from and to shares of its width and height."""
    from selenium.webdriver.common.action_chains import ActionChains

    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    width, height = box.size["width"], box.size["height"]
    at = [(round((x - 0.5) * width), round((y - 0.5) * height)) for x, y in (start, end)]
    steps = [tuple(round(a + (b - a) * share) for a, b in zip(*at, strict=True)) for share in (0.3, 0.6, 1.0)]
    actions = ActionChains(browser, duration=100).move_to_element_with_offset(box, *at[0]).click_and_hold()
    for step in steps:
        actions.move_to_element_with_offset(box, *step)
    actions.release().perform()


def test_selecting_in_the_embedding_filters_the_hits_and_marks_the_plates(read, report):
    browser = read(report)
    assert browser.execute_script("return grids.hits.order.length") == 84
    drag(browser, browser.find_element("id", "view-embedding"), (0.6, 0.6), (0.985, 0.015))
    until(browser, "return views.selected.length > 0")
    wells = browser.execute_script("return views.selected.map((i) => [views.name(i), views.well(i)])")
    assert wells == [[SCRIPT, "A01"]] * 4
    rows = browser.find_elements("css selector", "table.hits tbody tr")
    assert [row.find_element("css selector", "th").text for row in rows] == [SCRIPT]
    assert browser.execute_script("return views.plateSource.selected.indices") == [0]
    assert browser.execute_script("return views.get('marks').data.x.length") == 4
    told = browser.find_element("css selector", "#embedding .selection output").text
    assert told == "4 wells selected: 1 perturbation on 4 plates. The hit list shows this one."
    clear = browser.find_element("css selector", "#embedding .selection button")
    browser.execute_script("arguments[0].click()", clear)  # by its place on the screen it may still be moving
    assert browser.execute_script("return [views.selected.length, grids.hits.order.length]") == [0, 84]


def test_selecting_on_a_plate_map_marks_the_embedding(read, report):
    browser = read(report)
    drag(browser, browser.find_element("id", "view-raw"), (0.25, 0.15), (0.6, 0.6))
    until(browser, "return views.selected.length > 0")
    plates = browser.execute_script("return [...new Set(views.selected.map((i) => views.at.plate[i]))]")
    assert plates == [0]
    assert browser.execute_script("return views.shared.selected.indices.length === views.selected.length")


def test_a_name_in_the_hit_list_selects_its_wells_and_a_plate_shows_itself(read, report):
    browser = read(report)
    row = browser.find_element("css selector", "table.hits tbody tr:nth-child(3) th button")
    name = row.text
    browser.execute_script("arguments[0].click()", row)
    assert browser.execute_script("return [...new Set(views.selected.map((i) => views.name(i)))]") == [name]
    plate = browser.find_element("css selector", "table[data-grid=plates] tbody tr:nth-child(4) th button")
    browser.execute_script("arguments[0].click()", plate)
    assert browser.execute_script("return views.chosen") == 3
    assert "BR000004: 96 wells" in browser.find_element("id", "told-plate").text


def test_a_choice_of_metric_and_plate_outlives_each_other(read, report):
    browser = read(report)
    browser.execute_script("views.selectedFrom([100, 101]); views.chooseMetric(2)")
    assert browser.execute_script("return [views.selected, views.get('marks').data.x.length]") == [[100, 101], 2]
    shown = browser.execute_script("return [...document.querySelectorAll('select.metric')].map((s) => s.value)")
    assert set(shown) == {"2"}
    assert browser.execute_script("return views.shared.data.value[5] === views.values[2][5]")


def test_numbers_in_the_browser_are_those_of_the_tables(read, report):
    given = screen(4, odd=True)["wells"]
    browser = read(report)
    order = given.assign(place=range(len(given))).sort_values(["Metadata_Plate", "place"])
    values = browser.execute_script("return [...views.values[0]]")
    assert values == order["Metadata_Object_Count"].tolist()
    raw, fitted, residual = browser.execute_script(
        "const d = views.plateSource.data; return [d.raw[7], d.fitted[7], d.residual[7]]"
    )
    assert raw == pytest.approx(fitted + residual)


def test_tables_sort_filter_and_are_saved_whole(read, report):
    browser = read(report)
    first = "return grids.hits.order.map((i) => grids.hits.row(i)[5][1])"
    header = browser.find_elements("css selector", "table.hits thead button")[5]
    for _ in range(2):
        browser.execute_script("arguments[0].click()", header)
    values = browser.execute_script(first)
    assert values == sorted(values, reverse=True)
    assert browser.find_elements("css selector", "table.hits thead th")[5].get_attribute("aria-sort") == "descending"
    box = browser.find_element("css selector", "#hits input[type=search]")
    box.send_keys("CPD-000010")
    assert [row.text for row in browser.find_elements("css selector", "table.hits tbody th")] == ["CPD-000010"]
    text = browser.execute_script("return grids.hits.csv()")
    assert text.count("\r\n") == 85
    assert f'"{SCRIPT}"' not in text
    assert SCRIPT in text
    assert browser.execute_script("return csv([['a\"b', 'c,d']])") == '"a""b","c,d"\r\n'


def test_every_table_and_figure_can_be_saved(read, report):
    browser = read(report)
    browser.execute_script("""
      window.saved = [];
      URL.createObjectURL = (blob) => { saved.push(blob.size); return "blob:x"; };
      HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
      document.querySelectorAll('[aria-label^="Save"]').forEach((button) => button.click());
    """)
    buttons = len(browser.find_elements("css selector", '[aria-label^="Save"]'))
    until(browser, f"return saved.length === {2 * buttons}")
    saved = browser.execute_script("return saved")
    assert min(saved[::2]) > 30
    names = set(saved[1::2])
    for figure in ("screen", "raw", "fitted", "residual", "controls", "embedding", "hits", "position"):
        assert {f"odd-{figure}.png", f"odd-{figure}.svg"} <= names
    for table in ("plates", "hits", "checks", "ledger", "inputs", "position"):
        assert f"odd-{table}.csv" in names
    assert complaints(browser) == []


def test_a_problem_leads_to_its_check(read, report):
    browser = read(report)
    link = browser.find_element("css selector", ".problems a")
    browser.execute_script("grids.checks.input.value = 'nothing'; grids.checks.refresh()")
    link.click()
    row = browser.find_element("css selector", "tr.target")
    assert f"#{row.get_attribute('id')}" == link.get_attribute("hash")
    assert link.text in row.text


def test_the_keyboard_reaches_every_control(read, report):
    from selenium.webdriver import Keys
    from selenium.webdriver.common.action_chains import ActionChains

    browser = read(report)
    wanted = browser.execute_script("""
      document.body.tabIndex = -1;
      document.body.focus();
      window.reached = new Set();
      document.addEventListener("focusin", (event) => reached.add(event.target));
      window.wanted = [...document.querySelectorAll("a[href], button, input, select, summary")].filter((element) =>
        !element.disabled && element.checkVisibility({ visibilityProperty: true }));
      return wanted.length;
    """)
    assert wanted > 150
    for _ in range(0, 2 * wanted, 40):
        ActionChains(browser).send_keys(*[Keys.TAB] * 40).perform()
    left = "return wanted.filter((element) => !reached.has(element)).map((element) => element.outerHTML.slice(0, 120))"
    assert browser.execute_script(left) == []


def test_tab_goes_through_the_controls_of_the_embedding(read, report):
    from selenium.webdriver import Keys
    from selenium.webdriver.common.action_chains import ActionChains

    browser = read(report)
    browser.execute_script("document.querySelector('[data-tools=embedding] button').focus()")
    labels = []
    for _ in range(8):
        labels.append(browser.switch_to.active_element.get_attribute("aria-label"))
        ActionChains(browser).send_keys(Keys.TAB).perform()
    assert labels[:3] == ["Select by box in embedding", "Select by lasso in embedding", "Move the view in embedding"]
    assert "Save embedding as PNG" in labels
    browser.execute_script("document.querySelector('table.hits tbody th button').focus()")
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert browser.execute_script("return views.selected.length") == 4


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(read, report, axe, theme):
    browser = read(report, theme=theme)
    browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    browser.execute_script(f"{axe}; window.axe = axe;")
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run().then((found) => done(found.violations));"
    )
    serious = [
        (each["id"], [node["html"][:160] for node in each["nodes"]][:5])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_plots_follow_the_theme(read, report):
    browser = read(report)
    color = "return views.document.get_model_by_id(views.roots.embedding).below[0].major_label_text_color"
    light = browser.execute_script(color)
    browser.execute_script("arguments[0].click()", browser.find_element("css selector", "button.theme"))
    dark = browser.execute_script(color)
    assert light != dark
    assert browser.find_element("css selector", "button.theme").text == "Light theme"


@pytest.mark.parametrize("width", [1440, 1024])
def test_nothing_is_wider_than_the_window(read, report, width):
    browser = read(report, width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_what_is_printed_is_drawn_without_scripts(read, report):
    browser = read(report)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return document.querySelector(arguments[0]).checkVisibility()"
    assert browser.execute_script(shown, "#figure-embedding")
    assert browser.execute_script(shown, "#figure-plate-1")
    assert not browser.execute_script(shown, "#view-embedding")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_where_the_views_cannot_be_drawn_the_drawings_stand(chromium, report, tmp_path):
    html = report.read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    # a library that was tampered with is not run, because the policy of the page names its hash
    changed = html.replace('Bokeh.set_log_level("error")', 'Bokeh.set_log_level("debug")')
    assert changed != html
    broken.write_text(changed, encoding="utf-8")
    chromium.get(broken.as_uri())
    until(chromium, "return !document.documentElement.classList.contains('live')")
    assert chromium.find_element("id", "figure-embedding").is_displayed()
    assert "could not be drawn" in complaints(chromium)[-1]["message"]


def memory(browser):
    """Return the memory of the page's own scripts and data, in MB, after what is not needed was let go."""
    browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    return browser.execute_script("return performance.memory.usedJSHeapSize") / 1e6


def process_memory(browser):
    """Return the memory of the tab's process, in MB: its proportional share of what it shares with others."""
    processes = psutil.Process(browser.service.process.pid).children(recursive=True)
    return max(each.memory_full_info().pss for each in processes if "--type=renderer" in each.cmdline()) / 1e6


def test_twenty_plates_fit_into_five_megabytes(read, tmp_path):
    path = cpf.write_report(screen(20, 384), tmp_path / "report.html")
    assert path.stat().st_size < 5e6
    browser = read(path)
    assert browser.execute_script("return document.getElementsByTagName('*').length") < 20_000
    assert memory(browser) < 200
    assert complaints(browser) == []


@pytest.mark.slow
def test_two_hundred_plates_fit_into_twenty_megabytes_and_a_tab(read, tmp_path):
    path = cpf.write_report(screen(200, 384), tmp_path / "report.html")
    assert path.stat().st_size < 20e6
    browser = read(path)
    browser.execute_script("views.selectedFrom([...Array(5000).keys()]); views.chooseMetric(1)")
    assert browser.execute_script("return document.getElementsByTagName('*').length") < 20_000
    assert memory(browser) < 300
    assert process_memory(browser) < 600
    assert "numbers are rounded to 65,535 steps" in browser.find_element("css selector", ".notice").text
    assert complaints(browser) == []
