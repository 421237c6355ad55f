"""Arrays in, arrays out: the formulas, each with its paper; one idea a file.

arrays      What the arrays of the package are called.
scale       One feature at a time: levels, spreads, ranks, limits.
directions  Directions in the space of features: widest, discriminating, whitened, shared by two tables.
models      Linear models of wells, and the spread of groups.
inference   Tests, intervals and lists of p-values.
retrieval   How well profiles find each other, by ranks and by distances.
similarity  How alike profiles are, and who is near whom.
plates      What lies where on a plate.
batches     Batches: effects taken out, and how well they are mixed.
doses       Responses over doses.
cells       Cells of a well: phases, responders, surroundings, typical cells.
"""
