"""Tests, intervals and lists of p-values.

bootstrap           How far a statistic would vary if other units of the same kind had been drawn:
                    the bootstrap, as weights on units.
combined_p          One p-value of several that may depend on each other.
composition         Shares that add up to one: as log-ratios, how varied they are, and whether wells differ in them.
effects             Sizes of a difference between treated and control, in units of their spread.
enrichment          A label more frequent in a sample than chance makes it.
kolmogorov          The largest gap between two distributions, with its sign.
mean_shift          How far the mean of labeled units lies from that of the others of their
                    blocks: a permutation test of one value.
multiplicity        How many discoveries are false: q-values of families of tests, and of groups of tests.
permutation         Whole wells permuted inside blocks, and the p-value that comes of it.
proportions         Shares, and how well they are known.
quantile_distances  How far two samples lie apart, quantile by quantile: Wasserstein distances
                    with their sign and their parts.
strata_shift        Whether units of several strata that share blocks differ: a permutation test of all
                    features at once.
tails               How many cells lie outside where control cells lie, and whether wells have
                    more of them than controls do.
"""
