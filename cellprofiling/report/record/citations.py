"""What a reader of the results should cite: the methods that made them."""

from cellprofiling.report.record.sources import Sources

SOFTWARE = "cellprofiling, the version named below"
RATE = "q: Benjamini and Hochberg, J. R. Stat. Soc. B 57, 289 (1995), doi 10.1111/j.2517-6161.1995.tb02031.x"
CHANCE = "p: Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), doi 10.2202/1544-6115.1585"
FITTED = "rows and columns of plates: Tukey's median polish, Brideau et al., J. Biomol. Screen. 8, 634 (2003), "
FITTED += "doi 10.1177/1087057103258285"

METHODS = {
    "map": "score: Kalinin et al., Nat. Commun. 16, 5181 (2025), doi 10.1038/s41467-025-60306-2",
    "mahalanobis": "metric: Ledoit and Wolf, J. Multivar. Anal. 88, 365 (2004), doi 10.1016/S0047-259X(03)00096-4",
    "energy": "score: Szekely and Rizzo, J. Stat. Plan. Inference 143, 1249 (2013), doi 10.1016/j.jspi.2013.03.018",
}
EMBEDDINGS = {
    "umap": "embedding: McInnes, Healy and Melville, UMAP (2018), doi 10.48550/arXiv.1802.03426",
}


def citations(sources: Sources) -> list[str]:
    """Return the references of the methods that were used, as far as the record of the run names them."""
    found = [SOFTWARE]
    if sources.parameters:
        found += [METHODS[name] for name in [str(sources.parameters.get("method"))] if name in METHODS]
        found += [CHANCE, RATE]
    recipe = (sources.provenance or {}).get("parameters") or {}
    found += [EMBEDDINGS[name] for name in [str((recipe.get("embed") or {}).get("method"))] if name in EMBEDDINGS]
    return [*found, FITTED]
