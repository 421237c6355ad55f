"""The procedures for many tests, as methods: which q-values they give, and whose they are."""

from cellprofiling.core.methods import Method, table_of
from cellprofiling.kernels.inference.multiplicity import CORRECTIONS as PROCEDURES

CORRECTIONS = table_of(
    Method(
        "benjamini_hochberg",
        "The rate of false discoveries, for tests that are independent or help each other.",
        PROCEDURES["benjamini_hochberg"],
        "Benjamini and Hochberg, J. R. Stat. Soc. B 57, 289 (1995), https://doi.org/10.1111/j.2517-6161.1995.tb02031.x",
    ),
    Method(
        "benjamini_yekutieli",
        "The rate of false discoveries, whatever the dependence of the tests.",
        PROCEDURES["benjamini_yekutieli"],
        "Benjamini and Yekutieli, Ann. Stat. 29, 1165 (2001), https://doi.org/10.1214/aos/1013699998",
    ),
    Method(
        "storey",
        "As benjamini_hochberg, times the share of null hypotheses that large p-values tell of.",
        PROCEDURES["storey"],
        "Storey, Taylor and Siegmund, J. R. Stat. Soc. B 66, 187 (2004), "
        "https://doi.org/10.1111/j.1467-9868.2004.00439.x",
    ),
)
