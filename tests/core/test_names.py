"""The grammar of feature names, on names built from it and on every public column set."""

import csv
import gzip
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprofiling as cpf
from cellprofiling.core.names import kinds

# Words that only a position, a parent, a count or an id holds; written apart from the package's tables on purpose.
NOT_MORPHOLOGY = re.compile(
    r"Location_|(^|_)Center_[XYZ]|BoundingBoxM(in|ax)imum|^(X|Y|Z)$|Bounding Box|Position [XYZ]|border|cg [XY]"
    r"|AngleBetween|Orientation|Angle wv"
    r"|Parent_|Children_|ObjectNumber|Object_Number|Object No|Object Number|ImageNumber|TableNumber|OBJECT ID"
    r"|(^|_)Count_|_Count$|Number of (Objects|Analyzed)|^(Row|Column|Field|FOV|Plane|Timepoint|T)$|I[Dd]$|Name$"
    r"|^Image_|^Metadata_|FileName|PathName|URL|MD5|ExecutionTime|ModuleError|^Group_"
)
CELLPROFILER = re.compile(
    r"^(Cells|Nuclei|Cytoplasm)_[A-Z]|^(AreaShape|Intensity|Granularity|Texture|RadialDistribution|Correlation|Neighbors"
    r"|ObjectSkeleton|Location|Parent|Children|Number|Count)_"
)

COLLATE = "cellprofiler_formats/pycytominer_collate/BR00121431-A01-1"
CPG0043 = "cellprofiler_formats/cytotable/cellprofiler/cpg0043_BR00116991-A01-1"
HUMAN = "cellprofiler_formats/cytotable/cellprofiler/ExampleHuman"
DATABASE = "cellprofiler_formats/cytotable/cytominer-database/data_b/A01-1"
JUMP = "jump_cell_counts_and_fixtures/fixtures"
TABLES = [
    "bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz",
    "bbbc021_ljosa/BBBC021_v1_image.csv.gz",
    "cdot_dyes_jumpmoa/paper/profiles/BR00122247_normalized_feature_select_negcon_batch.csv.gz",
    "cdot_dyes_jumpmoa/paper/profiles/BR00122250_normalized_negcon_pc.csv.gz",
    "cdot_dyes_jumpmoa/profiles_batch_level/2023_05_15_Batch1_normalized_feature_select_batch.csv.gz",
    "cdot_dyes_jumpmoa/profiles_batch_level/2023_05_17_Batch2_normalized_feature_select_negcon_batch.csv.gz",
    "cdot_dyes_jumpmoa/profiles_batch_level/2023_05_17_Batch3_normalized_feature_select_batch.csv.gz",
    "cytominer_eval_lincs_plate/SQ00015054_normalized_feature_select.csv.gz",
    "jump_multisource_mammary/jump_profiles_per_compound_source.parquet",
    "nucleus_columbus_screen/single_cell/secondary_screen_columbus_per_well.csv.gz",
    "nucleus_columbus_screen/single_cell/secondary_screen_single_cells.parquet",
    "cellprofiler_formats/deepprofiler/SQ00014812_and_SQ00014813/inputs/metadata/test_index.csv",
    "cellprofiler_formats/cytotable/in-carta/colas-lab/Test 0 Day0 Test Test_2024_Jan-01-12-12-12_Test.csv",
    *(f"{COLLATE}/{table}.csv.gz" for table in ("Cells", "Cytoplasm", "Nuclei", "Image")),
    *(f"{CPG0043}/{table}.csv.gz" for table in ("Cells", "Cytoplasm", "Nuclei", "Image")),
    *(f"{HUMAN}/{table}.csv" for table in ("Cells", "Cytoplasm", "Nuclei", "PH3", "Image")),
    *(f"{DATABASE}/{table}.csv" for table in ("Cells", "Cytoplasm", "Nuclei", "Image")),
    f"{JUMP}/inputs/profiles/source_13/workspace/profiles/20220914_Run1/CP-CC9-R1-04/CP-CC9-R1-04.parquet",
    f"{JUMP}/outputs/crispr_trimmed_public/profiles_wellpos_cc_var_mad_outlier_featselect.parquet",
    f"{JUMP}/outputs/orf_efficientnet_trimmed_public/profiles_dropna_wellpos_cc_var_mad_outlier_featselect.parquet",
]
NF1 = "cellprofiler_formats/cytotable/cellprofiler/NF1_SchwannCell_data/all_cellprofiler.sqlite"
DATA_B = "cellprofiler_formats/cytotable/cytominer-database/data_b_sqlite/data_b.sqlite"
SQL_TABLES = [
    *((NF1, table) for table in ("Per_Image", "Per_Cells", "Per_Cytoplasm", "Per_Nuclei")),
    *((DATA_B, table) for table in ("Image", "Cells", "Cytoplasm", "Nuclei")),
]
Find = Callable[[str], Path]


def columns(path: Path, table: str = "") -> list[str]:
    """The column names of a table file, without the package."""
    if path.suffix == ".parquet":
        return list(pq.read_schema(path).names)
    if path.suffix == ".sqlite":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
        return next(csv.reader(lines))


@pytest.fixture(params=[(name, "") for name in TABLES] + SQL_TABLES, ids=lambda case: " ".join(case)[-60:])
def real_names(request: pytest.FixtureRequest, real_data: Find) -> list[str]:
    name, table = request.param
    return columns(real_data(name), table)


@pytest.mark.real
def test_no_position_parent_count_or_id_of_a_real_table_is_taken_for_morphology(real_names):
    for name, kind in zip(real_names, kinds(real_names), strict=True):
        assert not (kind == "morphology" and NOT_MORPHOLOGY.search(name)), name


@pytest.mark.real
def test_no_position_parent_count_or_id_of_a_real_table_would_be_used_as_a_feature(real_names):
    measured = [name for name, kind in zip(real_names, kinds(real_names), strict=True) if kind == "unknown"]
    assert not [name for name in measured if NOT_MORPHOLOGY.search(name) and not name.endswith("Name")]


@pytest.mark.real
def test_names_of_cellprofiler_are_parsed_into_all_their_parts(real_names):
    parsed = cpf.parse_features([name for name in real_names if CELLPROFILER.search(name)])
    assert (parsed["kind"] != "unknown").all()
    morphology = parsed[parsed["kind"] == "morphology"]
    assert morphology["compartment"].dropna().isin(["Cells", "Nuclei", "Cytoplasm"]).all()
    stained = ["Intensity", "Granularity", "Texture", "RadialDistribution", "Correlation"]
    assert (morphology["channel"].notna() == morphology["group"].isin([*stained, "ObjectSkeleton"])).all()
    scaled = ["Granularity", "Texture", "RadialDistribution", "Neighbors"]
    assert morphology.loc[morphology["group"].isin(scaled), "scale"].notna().all()


@pytest.mark.real
def test_parts_of_real_names_put_together_give_the_name_again(real_names):
    parsed = cpf.parse_features([name for name in real_names if CELLPROFILER.search(name)])
    morphology = parsed[(parsed["kind"] == "morphology") & (parsed["group"] != "Texture")]
    for name, _, compartment, group, measure, channel, scale in morphology.itertuples(index=False):
        order = (scale, channel) if group == "Granularity" else (measure, channel, scale)
        parts = (compartment, group, *order)
        assert "_".join(part for part in parts if part).replace("|", "_") == name


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("bbbc021_ljosa/ljosa_jbiomolscreen_2013_per_well_mean.csv.gz", {"CorrActin", "CorrDAPI", "CorrTub"}),
        ("cytominer_eval_lincs_plate/SQ00015054_normalized_feature_select.csv.gz", {"AGP", "DNA", "ER", "Mito", "RNA"}),
        (f"{COLLATE}/Cells.csv.gz", {"AGP", "BFHigh", "BFLow", "Brightfield", "DNA", "ER", "Mito", "RNA"}),
        (
            f"{CPG0043}/Nuclei.csv.gz",
            {"AGP", "BFHigh", "BFLow", "Brightfield", "DNA", "ER", "Mito", "RNA", "mito_skel"},
        ),
        (f"{HUMAN}/Nuclei.csv", {"DNA", "PH3"}),
        ("nucleus_columbus_screen/single_cell/secondary_screen_single_cells.parquet", {"Exp2Cam1", "Exp3Cam2"}),
        (TABLES[12], {"wv1", "wv2", "wv3"}),
    ],
)
def test_channels_of_real_tables_are_the_known_ones(real_data: Find, name: str, channels: set[str]):
    found = cpf.parse_features(columns(real_data(name)))
    morphology = found[found["kind"] == "morphology"]
    assert set(morphology["channel"].dropna().str.split("|").explode()) == channels


@pytest.mark.real
def test_a_channel_with_an_underscore_is_told_from_two(real_data: Find):
    parsed = cpf.parse_features(columns(real_data(f"{CPG0043}/Cells.csv.gz")))
    channels = set(parsed["channel"].dropna())
    assert "mito_tubeness" in channels
    assert "mito" not in channels


@pytest.mark.real
def test_columbus_columns_by_name(real_data: Find):
    parsed = cpf.parse_features(columns(real_data(TABLES[10]))).set_index("name")
    wanted = {name for name in parsed.index if "Intensity" in name or "Nucleus" in name}
    assert set(parsed.index[parsed["kind"] == "morphology"]) == wanted
    assert set(parsed.index[parsed["kind"] == "position"]) == {"X", "Y"}
    assert not parsed.attrs["notes"]


# --- names built from the grammar -------------------------------------------------------------------------------------

CHANNELS = ("DNA", "ER", "mito", "mito_tubeness", "ch_1", "ch_2", "Alexa 488", "A+B", "PH3")
compartments = st.sampled_from([None, "Cells", "Nuclei", "FilteredCells", "Cells_HighThresh", "PH3", "spheroid2D"])
channels = st.sampled_from(CHANNELS)
numbers = st.integers(1, 40).map(str)
texture = st.sampled_from(["Contrast", "Correlation", "InfoMeas1", "Entropy"])
tails = st.sampled_from(["_0", "_00_256", ""])


@st.composite
def feature_parts(draw) -> tuple[str, dict]:
    """A feature name and the parts it was put together from."""
    compartment, channel, scale = draw(compartments), draw(channels), draw(numbers)
    group = draw(st.sampled_from(["AreaShape", "Intensity", "Granularity", "Texture", "RadialDistribution",
                                  "Correlation", "Neighbors"]))  # fmt: skip
    rest, measure = {
        "AreaShape": (f"Zernike_{scale}_1", "Zernike"),
        "Intensity": (f"MeanIntensity_{channel}", "MeanIntensity"),
        "Granularity": (f"{scale}_{channel}", None),
        "Texture": (f"{(kind := draw(texture))}_{channel}_{scale}{draw(tails)}", kind),
        "RadialDistribution": (f"FracAtD_{channel}_{scale}of4", "FracAtD"),
        "Correlation": (f"RWC_{channel}_{(second := draw(channels))}", "RWC"),
        "Neighbors": (f"PercentTouching_{scale}", "PercentTouching"),
    }[group]
    if group in ("AreaShape", "Neighbors"):
        channel = None
    if group == "Correlation":
        channel = f"{channel}|{second}"
    scale = {
        "AreaShape": f"{scale}_1",
        "RadialDistribution": f"{scale}of4",
        "Intensity": None,
        "Correlation": None,
    }.get(group, scale)
    name = "_".join(part for part in (compartment, group, rest) if part)
    parts = {"compartment": compartment, "group": group, "measure": measure, "channel": channel, "scale": scale}
    return name, parts


KNOWN = [f"Cells_Intensity_MeanIntensity_{channel}" for channel in CHANNELS]  # what tells channels apart
features = st.lists(feature_parts(), min_size=1, max_size=12)
settings.register_profile("names", max_examples=50, deadline=None)


@settings(settings.get_profile("names"))
@given(features, st.randoms(use_true_random=False))
def test_names_built_from_the_grammar_parse_back_to_their_parts_in_any_order(built, random):
    expected = dict(built)
    names = [*expected, *KNOWN]
    random.shuffle(names)
    parsed = cpf.parse_features(names)
    assert list(parsed["name"]) == names
    for row in parsed.to_dict("records"):
        name = row.pop("name")
        assert row.pop("kind") == "morphology"
        if name in expected:
            assert row == expected[name]


@settings(settings.get_profile("names"))
@given(features, st.sampled_from(["mad", "q05", "mean", "std", "median"]))
def test_an_appended_statistic_changes_nothing_but_the_name(built, statistic):
    names = [*(name for name, _ in built), *KNOWN]
    plain = cpf.parse_features(names).drop(columns="name")
    assert plain.equals(cpf.parse_features([f"{name}__{statistic}" for name in names]).drop(columns="name"))


@settings(settings.get_profile("names"))
@given(st.lists(st.text(max_size=30)))
def test_any_text_gets_one_of_four_kinds_and_the_same_from_both_doors(names):
    found = kinds(names)
    assert set(found) <= {"morphology", "position", "bookkeeping", "unknown"}
    assert found == list(cpf.parse_features(names)["kind"])


# --- single names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            "position",
            "Location_Center_X|Nuclei_Location_MaxIntensity_X_DNA|Cells_AreaShape_Center_Y|AreaShape_BoundingBoxMaximum_X"
            "|Location_CenterMassIntensity_Z__DNA|Center_X|X|Y|y|Position X [µm]|Nuclei - Position Y [µm]|Bounding Box"
            "|Cells_AreaShape_Orientation|Orientation|Nuclei_Neighbors_AngleBetweenNeighbors_Adjacent"
            "|Mean_Nuclei_Location_Center_X|centroid-0|bbox-3|Nuclei - Nucleus Centroid X in Image [µm]"
            "|Cells_Location_Center_X__mad|Cells Max left border wv3|Primary Target cg X wv1|centroid_x",
        ),
        (
            "bookkeeping",
            "Metadata_Well|Image_Metadata_Plate|Image_Granularity_1_DNA|ImageNumber|ObjectNumber|TableNumber"
            "|Cells_Number_Object_Number|Number_Object_Number|Cytoplasm_Parent_Cells|Nuclei_Children_Cytoplasm_Count"
            "|Cells_Neighbors_FirstClosestObjectNumber_10|Neighbors_SecondClosestObjectNumber_Adjacent"
            "|Count_Cells|Cells_Count_Count|Cells_AreaShape_Area__count|Object No|Nuclei - Object No in Cells"
            "|Nuclei Selected - Number of Objects|Number of Analyzed Fields|Row|Column|Field|Plane|Timepoint|ScreenID"
            "|PlateID|Plate ID|gene_id|FileName_DNA|URL_OrigDNA|MD5Digest_DNA|PathName_DNA|ExecutionTime_01LoadData"
            "|ModuleError_01LoadData|Group_Index|Nuclei_Classify_Positive|Threshold_FinalThreshold_Cells|label"
            "|ImageQuality_PowerLogLogSlope_DNA|Concentration|MeasurementDate|Cell Count",
        ),
        (
            "morphology",
            "Cells_AreaShape_EulerNumber|AreaShape_BoundingBoxArea|Neighbors_NumberOfNeighbors_Adjacent|Area|Zernike_3_1"
            "|ObjectSkeleton_NumberTrunks_mito_skel|Contrast_3_00_256__DNA|Nuclei - Number of Spots|feature_12|DP_3"
            "|efficientnet_0|harmony_4|PCA1|UMAP2|0|1023|X_1|F Actin Neighbor Count wv2|Cells_Mean_Mito_AreaShape_Area"
            "|Cells_Intensity_MeanIntensity_DNA__q95|Nuclei_Correlation_Costes_DNA_ER",
        ),
        (
            "unknown",
            "a|area_ch_1|spot_fiber_count_ch_3|CANDIDATE|fluid|solid|foo__bar|Mito|GRID|contact_angle|my score",
        ),
    ],
)
def test_kind_of_single_names(kind: str, names: str):
    given = names.split("|")
    assert dict(zip(given, kinds(given), strict=True)) == dict.fromkeys(given, kind)


def test_cp_measure_names_are_read_with_their_channels_and_groups():
    names = [
        "Intensity_MeanIntensity__DNA",
        "Correlation_Manders_1__DNA__ch_2",
        "Correlation_3_00_256__DNA",
        "RadialDistribution_FracAtD_1of4__DNA",
        "Granularity_4__DNA__mad",
        "MajorAxisLength",
    ]
    parsed = cpf.parse_features(names)
    assert parsed[["group", "measure", "channel", "scale"]].to_numpy().tolist() == [
        ["Intensity", "MeanIntensity", "DNA", None],
        ["Correlation", "Manders_1", "DNA|ch_2", None],
        ["Texture", "Correlation", "DNA", "3"],
        ["RadialDistribution", "FracAtD", "DNA", "1of4"],
        ["Granularity", None, "DNA", "4"],
        ["AreaShape", "MajorAxisLength", None, None],
    ]


def test_columbus_and_incarta_names_are_read_in_words():
    parsed = cpf.parse_features(
        [
            "Nuclei Selected - Nucleus Area [µm²] - Mean per Well",
            "Cells - Intensity Nucleus HOECHST 33342 CV [%]",
            "F Actin Total Intensity wv1",
        ]
    )
    assert parsed[["compartment", "group", "measure", "channel"]].to_numpy().tolist() == [
        ["Nuclei Selected", "AreaShape", "Nucleus Area [µm²]", None],
        ["Cells", "Intensity", "Nucleus CV [%]", "HOECHST 33342"],
        ["F Actin", "Intensity", "Total Intensity", "wv1"],
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CorrBrightfield", "CorrBrightfild"),
        ("CorrBrightfield", "CorrBrightfld"),
        ("Tubulin", "Tubulni"),
        ("Dapi", "DAPI"),
    ],
)
def test_channels_spelt_almost_alike_are_pointed_out(first: str, second: str):
    names = [f"Cells_Intensity_MeanIntensity_{first}", "Cells_Intensity_MeanIntensity_DNA"]
    (note,) = cpf.parse_features([*names, f"Nuclei_Correlation_K_DNA_{second}"]).attrs["notes"]
    assert repr(first) in note
    assert repr(second) in note


@pytest.mark.parametrize(
    "pair",
    [
        ("DNA", "RNA"),
        ("CorrDNA", "CorrRNA"),
        ("OrigGFP", "OrigRFP"),
        ("Brightfield_H", "Brightfield_L"),
        ("Brightfield", "BrightfieldH"),
        ("Alexa488", "Alexa468"),
        ("Exp2Cam1", "Exp3Cam2"),
        ("wv1", "wv2"),
        ("LaminA", "LaminB"),
    ],
)
def test_channels_that_differ_on_purpose_are_not(pair: tuple[str, str]):
    assert cpf.parse_features([f"Cells_Intensity_MeanIntensity_{channel}" for channel in pair]).attrs["notes"] == []


@pytest.mark.real
def test_no_real_table_has_a_channel_wrongly_pointed_out(real_names):
    assert not [note for note in cpf.parse_features(real_names).attrs["notes"] if "alike" in note]


def test_unknown_names_are_counted_and_listed():
    (note,) = cpf.parse_features(["Cells_AreaShape_Area", "mystery", "enigma"]).attrs["notes"]
    assert note == "2 of 3 names follow no known grammar and count as features: 'mystery', 'enigma'."


def test_missing_parts_are_none_and_no_names_give_an_empty_table():
    parsed = cpf.parse_features(["Cells_AreaShape_Area", "mystery"])
    assert parsed.loc[0, "channel"] is None
    assert parsed.loc[1, "group"] is None
    assert list(cpf.parse_features([]).columns) == list(parsed.columns)


def test_names_that_are_numbers_and_a_single_name_are_read():
    assert kinds([0, 17]) == ["morphology", "morphology"]
    assert cpf.parse_features("Cells_AreaShape_Area")["group"].tolist() == ["AreaShape"]


def test_without_intensity_columns_a_pair_of_plain_channels_is_still_split():
    parsed = cpf.parse_features(["Cells_Correlation_Correlation_DNA_ER"])
    assert parsed.loc[0, "channel"] == "DNA|ER"


def test_the_longest_known_channel_wins():
    names = [f"Cells_Intensity_MeanIntensity_{channel}" for channel in ("mito", "mito_tubeness", "DNA")]
    parsed = cpf.parse_features(
        [*names, "Cells_Correlation_K_mito_tubeness_DNA", "Cells_Correlation_K_mito_mito_tubeness"]
    )
    assert parsed["channel"].tolist()[3:] == ["mito_tubeness|DNA", "mito|mito_tubeness"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            "morphology",
            "area|area_convex|intensity_mean-1|mean_intensity|moments_hu-6|inertia_tensor-0-1"
            "|moments_weighted_central-0-1"
            "|Cell: W2 Nucleus Average Intensity (MultiWaveScoring)|Cell: Total Area|Size in pixels|Mean Intensity_0"
            "|Mean Intensity in neighborhood_1|Variance of Intensity_2|Radii of the object_0|Diameter|Mean|Circ."
            "|Perim.",
        ),
        (
            "position",
            "centroid-0|centroid_weighted-0-1|bbox-2|orientation|Cell: Centroid X (MultiWaveScoring)|XM|BY"
            "|FeretX|FeretAngle"
            "|Bounding Box Minimum_0|Center of the object_1|Principal components of the object_3",
        ),
        (
            "bookkeeping",
            "label|Cell: Laser_focus_score (x)|Probability of live|Predicted Class|User Label|timestep"
            "|labelimage_oid|MinThr",
        ),
    ],
)
def test_kind_of_names_of_other_programs(kind: str, names: str):
    given = names.split("|")
    assert dict(zip(given, kinds(given), strict=True)) == dict.fromkeys(given, kind)
