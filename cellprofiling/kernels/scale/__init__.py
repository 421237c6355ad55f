"""One feature at a time: levels, spreads, ranks, limits.

clipped_scores  Cells as robust z-scores within bounds: their mean in each group, and where they lie
                along some directions.
control_chart   Whether a series of plates stays where it is: points far off, runs on one side, and drift.
control_centers Where the controls of each plate lie.
groups          Statistics of each feature in each group of rows, exact, missing values skipped.
limits          Beyond which values a cell is unusual among the cells of its group: median and MAD, on
                a scale that fits them.
missing         Missing values filled by what the group says.
normal_scores   Values replaced by the normal scores of their ranks among reference values.
order           An order of rows that only what they hold decides.
outlying        How far each well lies from others of its kind on its plate, none of which had a say in what is usual.
plate_scale     Wells in units of the spread of their plate, which no label can change.
pooled_scale    One spread for many small groups, each taken around its own center.
ranks           Order statistics of some hundred values, exact to the last bit, by counting.
scale           Where the values of each feature lie, and how far they spread.
spread          How well controls agree and how far apart two kinds of controls lie: robust CV, Z',
                SSMD, and their intervals.
"""
