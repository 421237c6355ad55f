"""The page holds everything, loads nothing, and takes no name for markup."""

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cellprofiling.core.plates import well_names
from cellprofiling.report.page import figures
from cellprofiling.report.page.views import libraries
from cellprofiling.report.render import write_report
from tests.builders import NEGCON

CONTROLS = ["A06", "B07", "C06", "D07", "E06", "F07", "G06", "H07"]
EVIL = '"><img src=x onerror=alert(1)>'
SCRIPT = "</script><script>alert(2)</script>"


class Page(HTMLParser):
    """Read a page into its tags, ids and visible text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.texts, self.inside = [], [], [], []
        self.records, self.record = {}, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.record = dict(attrs).get("id") if tag == "script" else ""
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.inside.append(tag)

    def handle_endtag(self, tag):
        self.record = ""
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if self.record:
            self.records[self.record] = json.loads(data)
        if not {"script", "style"} & set(self.inside[-1:]):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def check(plate, status="pass", id="inputs.duplicate_wells", source="our default"):
    empty = {"value": 0.0, "ci_low": None, "ci_high": None, "n": 96, "waived": "", "gate": True}
    texts = {"message": f"{id} of {plate}", "remedy": f"mend {plate}", "threshold": "fail above 0", "source": source}
    return {"id": id, "level": "plate", "scope": plate, "status": status, "metric": "rows", **empty, **texts}


def tables(name="taxol", plates=("P1", "P2"), screen="pilot"):
    rng = np.random.default_rng(0)
    wells = pd.DataFrame({"Metadata_Plate": np.repeat(plates, 96), "Metadata_Well": well_names(96) * len(plates)})
    wells["Metadata_Role"] = np.where(wells["Metadata_Well"].isin(CONTROLS), "negcon", "treatment")
    wells["Metadata_Compound"] = np.where(wells["Metadata_Role"] == "negcon", "DMSO", name)
    wells.loc[wells["Metadata_Well"].str[0] == "H", "Metadata_Compound"] = "water"
    wells["Metadata_Object_Count"] = rng.normal(200, 20, len(wells)).round()
    wells["Cells_AreaShape_Area"] = rng.normal(size=len(wells))
    hits = pd.DataFrame(
        {
            "rank": [1, 2],
            "Metadata_Compound": [name, "water"],
            "map": [0.9, 0.1],
            "p_value": [0.001, 0.6],
            "p_floor": 0.001,
            "q_value": [0.002, 0.6],
            "hit": [True, False],
            "reason": [f"why {name}", "q = 0.6"],
            "top_features": [f"{name} +3", ""],
        }
    )
    hits.attrs["parameters"] = {"by": ["Metadata_Compound"], "reference": NEGCON, "fdr": 0.05}
    metadata = wells[[column for column in wells if column.startswith("Metadata_")]]
    recipe = {"name": screen, "reference": NEGCON, "by": ["Metadata_Compound"]}
    return {
        "wells": wells,
        "profiles": wells,
        "hits": hits,
        "quality": {"status": "pass", "checks": [check(plate) for plate in plates]},
        "embedding": metadata.assign(PCA1=rng.normal(size=len(wells)), PCA2=rng.normal(size=len(wells))),
        "ledger": pd.DataFrame([{"step": "select", "item": "feature", "name": name, "reason": name, "n": 1}]),
        "provenance": {
            "parameters": recipe,
            "inputs": [{"path": name, "bytes": 1234, "sha256": "ab" * 32}],
            "versions": {"numpy": "2"},
        },
    }


@cache
def library():
    return libraries(gpu=False)


def own(html):
    """Return the page without BokehJS."""
    assert html.count(library()) == 1
    return html.replace(library(), "")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The page of tables without anything odd in them."""
    return page(tmp_path_factory.mktemp("report"), tables())


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out what drawings look like, which takes most of the time, but not their sentences."""
    monkeypatch.setattr(figures, "svg", lambda draw, alt, **size: f'<svg aria-label="{escape(alt)}"></svg>')


def page(folder, given):
    return write_report(given, folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [EVIL, SCRIPT, "<b>&amp;</b>", "$\\frac{", "{{ 7*7 }}", "\x00\x1b"])
def test_a_name_stays_text_everywhere(tmp_path, name):
    """As compound, plate, feature, file, reason and screen."""
    html = own(page(tmp_path, tables(name, plates=(f"{name}1",), screen=name)))
    read = Page(html)
    assert "img" not in read.tags
    assert read.tags.count("script") == 6  # three records, BokehJS and our own two
    assert [name] == [hit for hit in read.records["data-wells"]["names"] if hit not in ("DMSO", "water")]
    assert read.records["data-tables"]["hits"]["rows"][0][1] == name
    assert read.records["data-wells"]["plates"] == [f"{name}1"]
    assert "b" not in [tag for tag, attribute, _ in read.attributes if attribute != "style"]
    assert not [value for _, attribute, value in read.attributes if attribute.startswith("on")]
    if name.isprintable():
        assert " ".join(name.split()) in read.text
        assert html.count(name) == 0 or name.startswith(("$", "{"))


def test_nothing_is_loaded_from_elsewhere(plain):
    html = own(plain)
    html = html.replace('"http://www.w3.org/2000/svg"', "")  # a name, not an address
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    for tag, attribute, value in Page(html).attributes:
        if attribute in ("src", "href", "xlink:href", "action", "data"):
            assert value.startswith(("#", "data:image/png")), (tag, attribute, value)
    assert not re.search(r"url\((?!#|&quot;#)", html)
    assert "default-src 'none'" in html


def test_the_policy_allows_the_scripts_of_the_page_and_no_other(plain):
    policy = next(
        value
        for tag, name, value in Page(own(plain)).attributes
        if (tag, name) == ("meta", "content") and "src" in value
    )
    scripts = re.findall(r"<script>(.*?)</script>", plain, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = re.search(r"script-src ([^;]*)", policy)[1]
    assert allowed == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(scripts) == 3


def test_many_points_are_drawn_by_webgl_which_makes_functions_from_text(tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr("cellprofiling.report.page.views.GPU", 100)
    html = page(tmp_path, tables())
    assert "'unsafe-eval'" in html
    assert libraries(gpu=True) in html
    assert '"output_backend":"webgl"' in html


def test_the_same_tables_give_the_same_bytes(tmp_path):
    assert page(tmp_path, tables()) == page(tmp_path, tables())


def test_every_part_is_there(plain):
    read = Page(own(plain))
    for words in ("No problem found", "taxol", "why taxol", "inputs.duplicate_wells", "abababab", "numpy", "PCA1 from"):
        assert words in read.text, words
    assert read.text.count("Not available") == 1  # the effects, which nobody asked for
    assert "Not available, because no 'explanations' was given." in read.text
    drawings = [value for tag, attribute, value in read.attributes if (tag, attribute) == ("svg", "aria-label")]
    assert len(drawings) == 5 + 1 + 2  # hits, embedding, controls, position, replicates; the scale and two plates
    assert all(len(description) > 20 for description in drawings)
    assert read.tags.count("figcaption") == 7
    assert set(read.records["data-views"]["roots"]) == {"screen", "raw", "fitted", "residual", "controls", "embedding"}
    assert read.records["data-tables"].keys() == {"plates", "hits", "checks", "ledger", "inputs"}


def test_tables_are_whole_in_their_records_and_begun_on_the_page(tmp_path, undrawn):
    given = tables()
    given["hits"] = pd.concat([given["hits"]] * 40, ignore_index=True)
    read = Page(own(page(tmp_path, given)))
    assert len(read.records["data-tables"]["hits"]["rows"]) == 80
    assert read.text.count("why taxol") == 25


def test_effects_and_exemplars_are_shown_where_they_are_there(tmp_path, undrawn):
    given = tables() | {
        "explanations": pd.DataFrame(
            {"Metadata_Compound": ["taxol"], "group": ["shape"], "effect": [1.5], "sentence": ["Larger <nuclei>."]}
        ),
        "exemplars": pd.DataFrame({"Metadata_Compound": ["taxol"], "Metadata_Site": [3]}),
    }
    text = Page(own(page(tmp_path, given))).text
    assert text.count("Larger <nuclei>.") == 2
    assert "Cells worth looking at" in text
    assert "Not available" not in text


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(tmp_path, undrawn):
    given = tables()
    given["quality"] = {"status": "fail", "checks": [check("P1", "fail"), check("P2", "warn"), check("P2", "fail")]}
    attributes = Page(page(tmp_path, given)).attributes
    ids = [value for _, attribute, value in attributes if attribute == "id"]
    assert len(ids) == len(set(ids))
    targets = {value[1:] for _, attribute, value in attributes if attribute == "href" and value.startswith("#")}
    assert targets <= set(ids)


def test_wells_and_hits_are_enough(tmp_path, undrawn):
    given = tables()
    html = page(tmp_path, {"wells": given["wells"], "hits": given["hits"]})
    text = Page(html).text
    assert "Quality was not checked: no 'quality' was given." in text
    for name in ("embedding", "ledger", "provenance"):
        assert f"Not available, because no '{name}' was given." in text


@pytest.mark.parametrize("missing", ["profiles", "quality", "embedding", "ledger", "provenance"])
def test_each_part_can_be_missing(tmp_path, undrawn, missing):
    given = tables()
    del given[missing]
    assert "taxol" in Page(page(tmp_path, given)).text


def test_a_figure_that_cannot_be_drawn_says_why(tmp_path):
    given = tables()
    given["wells"] = given["wells"].assign(Metadata_Well="A01")
    given["hits"] = given["hits"].assign(p_value=np.nan)
    given["embedding"] = given["embedding"].drop(columns="PCA2")
    given["provenance"]["parameters"]["reference"] = "Metadata_Role == 'nobody'"
    text = Page(page(tmp_path, given)).text
    assert "No interactive maps, because 190 rows claim a well" in text
    assert "occur more than once on plate" in text
    assert "no row has both" in text
    assert "matches no row" in text


def test_wells_without_plates_or_counts_still_make_a_report(tmp_path, undrawn):
    given = tables()
    bare = given["wells"][["Metadata_Well", "Cells_AreaShape_Area"]]
    text = Page(page(tmp_path, {"wells": bare, "hits": given["hits"]})).text
    assert "the wells lack one of Metadata_Plate, Metadata_Well and Metadata_Object_Count" in text
    assert "the plates, the cell counts or the controls are not known" in text


def test_a_hit_list_of_names_alone_makes_a_report(tmp_path):
    given = tables()
    given["hits"] = given["hits"][["Metadata_Compound"]]
    given["embedding"] = given["embedding"].drop(columns="Metadata_Compound")
    text = Page(page(tmp_path, given)).text
    assert "0 of 2 perturbations are called hits" in text
    assert "hits='p_value': no such column" in text
    assert "embedding='Metadata_Compound': no such column" in text


def test_of_many_plates_those_with_problems_are_shown_first(tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr(figures, "MOST_PLATES", 2)
    given = tables(plates=["P1", "P2", "P3"])
    given["wells"].loc[given["wells"]["Metadata_Plate"] == "P3", "Metadata_Object_Count"] = 0
    given["quality"] = {"status": "fail", "checks": [check("P1"), check("P2"), check("P3", "fail")]}
    text = Page(page(tmp_path, given)).text
    assert "2 of 3 plates are shown, those with problems first." in text
    assert "fail P3, median 0" in text
    assert "P2, median" not in text


def test_a_folder_is_read_and_its_hit_list_is_linked(tmp_path, undrawn):
    given = tables()
    for name in ("wells", "profiles", "embedding"):
        given[name].to_parquet(tmp_path / f"{name}.parquet")
    given["hits"].to_csv(tmp_path / "hits.csv", index=False)
    (tmp_path / "quality.json").write_text(json.dumps(given["quality"]), encoding="utf-8")
    path = write_report(tmp_path, tmp_path / "report.html")
    assert ("a", "href", "hits.csv") in Page(path.read_text(encoding="utf-8")).attributes
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = write_report(tmp_path, elsewhere / "report.html")
    assert ("a", "href", "hits.csv") not in Page(moved.read_text(encoding="utf-8")).attributes
    assert sorted(path.name for path in elsewhere.iterdir()) == ["report.html"]


def test_colors_of_the_chrome_follow_the_theme(plain):
    style, body = plain.split('<script type="application/json"')[0].split("</style>")
    assert "#1d2733" not in body
    assert "var(--ink)" in body
    for variable in set(re.findall(r"var\(--(\w+)\)", body)):
        assert f"--{variable}: light-dark(" in style
