"""Fingerprints: what the distributions of the cells of each well are like."""
