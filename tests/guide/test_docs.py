"""The page of methods is made from the records."""

import sys
from pathlib import Path

import cellprofiling as cpf

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
import methods_table


def test_each_method_has_a_row_with_its_paper_as_a_link():
    page = methods_table.markdown(cpf.methods())
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == cpf.methods()["name"].tolist()
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
    kalinin = next(row for row in rows if row.startswith("| `map`"))
    assert "[10.1038/s41467-025-60306-2](https://doi.org/10.1038/s41467-025-60306-2)" in kalinin
    assert "](https://doi.org/10.1016/S0047-259X(03)00096-4)" in page
