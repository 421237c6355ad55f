"""What lies on each plate."""

import cellprofiling as cpf
from tests.builders import screen, wells


def test_replicates_and_shared_positions():
    layout = cpf.describe(screen(n_plates=3)).layout
    assert layout["n_controls"].tolist() == [16] * 3
    assert layout["replicates"].tolist() == [1.0] * 3
    assert layout["n_same_position"].tolist() == [80] * 3
    scattered = cpf.describe(wells(n_plates=3)).layout
    assert scattered["replicates"].tolist() == [2.0] * 3
    assert scattered["n_same_position"].tolist() == [0] * 3


def test_controls_at_the_edge_are_counted_by_the_format_of_all_plates():
    table = screen(n_plates=1)
    controls = table[table["Metadata_Role"] == "negcon"]["Metadata_Well"]
    at_edge = [well for well in controls if well[0] in "AH" or well[1:] in ("01", "12")]
    assert cpf.describe(table).layout["n_controls_at_edge"].tolist() == [len(at_edge)]
