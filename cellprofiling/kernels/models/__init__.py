"""Linear models of wells, and the spread of groups.

contrasts            Each group of rows against the controls of its own strata: a linear model
                     with an intercept for each stratum.
group_scores         One number for a group of features: their first principal component over
                     control wells other than the scored one.
least_squares        Many columns fitted to the same few terms in one solve, missing values allowed.
linear_model         Additive effects of batches, told apart from those of treatments by least squares.
moderated            Variances of many features that lend each other strength: the empirical Bayes of Smyth.
random_effects       An effect that differs from stratum to stratum: a mixed model, fitted to all
                     features and groups at once.
replicates           How well replicates agree, feature by feature.
ridge                Ridge regression of many targets at once, judged on rows that took no part in the fit.
shrunken             Slopes of many columns on the same few terms, each as large as the evidence
                     in all of them allows.
variance_components  The variance of each feature taken apart by levels of grouping.
"""
