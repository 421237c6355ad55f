"""Directions in the space of features: widest, discriminating, whitened, shared by two tables.

control_space     A space in which the cells of some control wells have covariance one, for scoring
                  cells of all other wells.
discriminant      How far two kinds of wells lie apart along the direction that tells them apart
                  best, learned from other wells.
metric            By how much a metric changes where wells leave or join the controls that it was fitted on.
pairing           How far two tables of the same rows agree: as clouds of points, and row by row.
plate_components  The directions in which wells differ most within their plates.
pls               Directions that two sets of features of the same rows have in common.
principal         The directions in which rows spread, the widest first.
shrinkage         How far a covariance is drawn to a multiple of I, so that it errs least.
unit_vectors      Profiles as directions: rows of length 1.
whitening         Features made uncorrelated and of variance one, as measured on reference rows.
within_groups     How some coordinates vary together within groups of rows, and the coordinates in
                  which a sample varies evenly.
"""
