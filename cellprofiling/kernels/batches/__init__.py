"""Batches: effects taken out, and how well they are mixed.

combat     Batches brought to one location and scale, feature by feature, by empirical Bayes.
consensus  Replicates brought together, all groups at once; the order of rows changes no bit of the result.
harmony    Batches mixed by shifts that differ from one neighborhood of profiles to the next.
leakage    How much wells resemble each other because of where they lie, and what chance would give.
mixing     How well batches are mixed: among the neighbors of a row, in the variance, and within groups of like rows.
"""
