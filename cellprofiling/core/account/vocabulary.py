"""How labs call their columns: the words behind each role, as data.

A name is compared as words: without `Metadata_`, in lower case, camel case and separators read as spaces, so that
`PlateID`, `plate_id` and `Metadata_Plate ID` are all "plate id". A new word is a new entry here.
"""

import re
from functools import lru_cache

FEATURE, UNUSED, LABEL, PERTURBATION = "feature", "unused", "label", "perturbation"
PLATE, WELL, SITE, TIME, STRATUM, DOSE = "plate", "well", "site", "time", "stratum", "dose"
CONTROL, BATCH, COUNT, QUALITY, POSITION, BOOKKEEPING = (
    *("control", "batch", "count", "quality", "position", "bookkeeping"),
)
ROLES = (
    *(FEATURE, PERTURBATION, PLATE, WELL, SITE, TIME, STRATUM, DOSE, CONTROL, BATCH, COUNT, QUALITY),
    *(POSITION, BOOKKEEPING, LABEL, UNUSED),
)

PREFIX = re.compile(r"^(?:image[_ ])?metadata[_ ]", re.IGNORECASE)

_NUMBERED = r"(?: (?:id|name|barcode|code|label|nr|no|num|number|index|idx))?"
_CELLS = r"(?:cells?|nucle(?:i|us)|objects?|cytoplasm)"

# The first pattern that fits all words of a name tells the role; the likeliest name of a role comes first.
WORDS: dict[str, tuple[str, ...]] = {
    PLATE: (
        "plate",
        r"plate name|(?:plate )?barcode",
        r"(?:assay |destination |dest |experiment |image )?plate(?: (?:name|barcode|code|label)){0,2}",
        r"plate" + _NUMBERED,
    ),
    WELL: (
        "well",
        r"(?:assay |destination |dest |plate )?well(?: (?:id|name|position|pos|label))?",
        r"well" + _NUMBERED,
    ),
    SITE: (
        r"(?:site|field|fov|tile)" + _NUMBERED,
        r"field of view" + _NUMBERED,
    ),
    TIME: (
        r"time(?: ?point)?" + _NUMBERED,
        r"(?:time|duration|incubation|elapsed)(?: (?:time|in))?(?: (?:h|hr|hrs|hours?|m|min|minutes?|s|sec|d|days?))?",
        r"(?:hours?|hrs?|days?|minutes?)(?: (?:post|after) .*| in .*)?",
        r"t|tp|dpt|hpt|hpi|dpi",
    ),
    STRATUM: (
        r"(?:cell )?lines?" + _NUMBERED,
        r"cell ?(?:line|type|model|source)s?" + _NUMBERED,
        r"(?:donor|patient|clone|subject|individual|animal|mouse)s?" + _NUMBERED,
        r"(?:culture |growth )?(?:medium|media)(?: (?:type|name))?",
        r"(?:stain|staining|dye|antibody)s?(?: (?:set|panel|mix|name))?|panel",
        r"genotype|genetic background|species|organism|tissue|strain|seeding density|modality",
    ),
    DOSE: (
        "dose",
        r"(?!.* units?$)(?:.* )?(?:dose|dosage)(?: .*)?",
        r"(?!.* units?$)(?:.* )?(?:conc|concentration)(?: .*)?",
        r"m(?:illi)?moles per lit(?:er|re)|(?:um|nm|mm)|micromolar|nanomolar",
        r"(?:mg|ug|ng) per ml|moi",
    ),
    CONTROL: (
        r"(?:control|ctrl)(?: (?:type|kind|name|status|class))?",
        r"role|well (?:type|role|kind|content)|(?:pert|perturbation|sample|treatment) (?:type|role|kind)|content",
        r"(?:is|as) ?(?:neg|pos|negative|positive)? ?(?:control|ctrl|con)s?|(?:neg|pos) ?(?:con|ctrl|control)s?",
    ),
    BATCH: (
        r"(?:(?:plating|imaging|acquisition|seeding|staining|compound|plate) )?batch(?: date)?" + _NUMBERED,
        r"(?:source|experiment|screen|campaign|run|laboratory|lab)" + _NUMBERED,
        r"(?:passage|week)" + _NUMBERED,
        r"(?:(?:plating|imaging|acquisition|measurement|seeding|staining|experiment) )?date",
    ),
    COUNT: (
        r"object count|cell count",
        rf"(?:n|nr|no|num|number)(?: of)? {_CELLS}(?: .*)?",
        rf"(?:n ?|total )?{_CELLS} ?counts?|cell numbers?",
        rf"counts?(?: (?:of )?{_CELLS})?",
        rf".* number of {_CELLS}(?: per .*)?|n ?cells",
    ),
    QUALITY: (
        r"qc(?: .*)?|.* qc|quality (?:flag|score|check|control)(?: .*)?|pass(?:ed)?|(?:is )?flag(?:ged)?(?: .*)?",
        r"exclude[ds]?|(?:is )?outlier",
        r"(?:laser )?focus score.*",
    ),
    POSITION: (
        r"(?:well |plate )?(?:row|col|column)(?: (?:nr|no|num|number|index|idx|letter))?",
        r"bbox.*|bounding box.*|(?:weighted )?centroids?(?: .*)?",
        r"(?:.* )?(?:pos|position|center|centre|coord|coordinate|location|cg) [xyz](?: .*)?",
        r"[xyz](?: (?:pos|position|center|centre|coord|coordinate|um|px|pixels?|start|end|min|max)(?: .*)?)?",
    ),
    PERTURBATION: (
        r"compound(?: (?:name|id))?|compounds?",
        r"(?:perturbation|treatment|perturbagen|pert)(?: (?:name|id|iname))?",
        r"(?:gene|gene symbol|target gene|symbol|hgnc|gene name|gene id|standard gene)",
        r"(?:drug|molecule|chemical|reagent|substance)(?: (?:name|id))?",
        r"(?:sirna|sgrna|guide|grna|oligo|orf|crispr)(?: (?:name|id|sequence))?",
        r"broad sample|jcp ?2022(?: id)?",
        r"broad id|brd(?: id)?|inchi ?key|smiles|(?:common|generic|product) name",
    ),
    LABEL: (
        r"mo ?a|mechanism(?: .*)?|targets?(?: .*)?|class(?:es)?(?: .*)?|pathway|category|annotation|comments?|notes?",
        r"(?:plate ?map|map|layout)(?: .*)?|solvent|vendor|supplier|set|subset|split|fold|group|tag|type|kind",
        r"clusters?"
        + _NUMBERED
        + r"|leiden|louvain|hdbscan|k ?means|phenograph|phase|subpopulation|predict(?:ed|ion).*",
        r"(?:pubchem|chembl|cas|chebi|entrez|ncbi|ensembl|uniprot|drugbank)(?: .*)?|[cs]id|(?:.* )?units?",
        r"(?:volume|amount|mass|weight) (?:ul|nl|ml|ug|mg|ng|added|dispensed)|replicate"
        + _NUMBERED
        + "|rep|replicates",
    ),
    BOOKKEEPING: (
        r"unnamed.*|(?:row |obs |sample )?ind(?:ex|ices)|idx|level \d+|no|nr|id|uuid|uid|key",
        r"(?:row|sample|record|entry|line) ?(?:id|idx|nr|no|num|number|count|names?)",
        rf"(?:{_CELLS}|label|frame|track|spot|particle|roi|image|slice|plane|z|stack|channel|parent|mask|nucleus)"
        r"(?: (?:id|idx|i|index|nr|no|num|number|label|name))?",
        r"(?:image|object|table|cell|label|frame|track|plane|spot) ?(?:id|ids|number|idx|label)|label ?image.*",
        r"(?:file|path|folder|url|uri)(?: .*)?|image ?(?:name|path|file|id)|link|md ?5.*|.* file ?name|time ?stamp.*",
        r"(?:n|number of) (?:analy[sz]ed )?(?:sites|fields|images)|(?:sites?|fields?|images?) counts?",
        r"measurement (?:id|date|time)|.* (?:id|uuid|timestamp)",
    ),
}
# Words of which one makes a number a measurement, whatever the program: DAPI_mean_intensity, AREA
MEASURES = re.compile(
    r"\b(?:area|intensit(?:y|ies)|mean|median|std|stdev|sd|variance|perimeter|circularity|roundness|eccentricity|solidity"
    r"|extent|elongation|compactness|diameter|radius|length|aspect|volume|size|texture|entropy|contrast|homogeneity"
    r"|correlation|granularity|skewness|kurtosis|haralick|zernike|moments?|gradient|sharpness|feret|convexity|ratio"
    r"|quality)\b"
)
_PATTERNS = {role: [re.compile(pattern) for pattern in patterns] for role, patterns in WORDS.items()}

# The same for names without any separator: platename, wellid, cellline. Patterns that look for one word among others
# stay as they are, or "concavity" would hold "conc".
_SQUEEZED = {
    role: [
        re.compile(pattern if ".*" in pattern else f"{pattern}|{pattern.replace(' ?', '').replace(' ', '')}")
        for pattern in patterns
    ]
    for role, patterns in WORDS.items()
}

# Values that say "negative control", the likeliest first; compared in lower case without blanks, dashes, underscores
NEGATIVE = ("negcon", "negativecontrol", "negative", "negctrl", "neg", "dmso", "vehicle", "nontargeting", "ntc")
NEGATIVE_TOO = ("scramble", "scrambled", "mock", "untreated", "control", "ctrl", "water", "media", "emptyvector")
POSITIVE = ("poscon", "positivecontrol", "positive", "posctrl", "pos", "poscondiverse", "posconcp")


def without_prefix(name: object) -> str:
    """Return a name without `Metadata_` or `Image_Metadata_`, however these are written."""
    return PREFIX.sub("", str(name))


@lru_cache(maxsize=100_000)
def words(name: str) -> str:
    """Return a name as words in lower case: `Metadata_PlateID`, `plate-id` and `Plate ID` are "plate id"."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", without_prefix(name))
    return " ".join(re.findall(r"[^\W_]+", text)).casefold()


def plain(name: object) -> str:
    """Return a name in lower case, letters and digits only: two such names are the same name written two ways."""
    return words(str(name)).replace(" ", "")


@lru_cache(maxsize=100_000)
def role_of_words(name: str) -> tuple[str, int] | None:
    """Return the role that the words of a name tell, and how likely such a name is (0 is likeliest); None if none."""
    text = words(name)
    if not text:
        return (BOOKKEEPING, 0) if not PREFIX.match(name) else None  # a blank header is a row number
    for role, patterns in (_PATTERNS if " " in text else _SQUEEZED).items():
        for rank, pattern in enumerate(patterns):
            if pattern.fullmatch(text):
                return role, rank
    return None
