"""What is what in a table of profiles: the one place that decides which role a column plays.

vocabulary   How labs call their columns: the words behind each role, as data.
roles        Each column once, with its role and the reason.
features     Which columns are measured, and why the others are left aside.
spelling     One well or plate written two ways is one: A1 and A01, 1001, "1001" and 1001.0.
units        What one row is, and whether two rows are the same well.
strata       Cell lines, time points, donors: what a well and its controls may differ in.
doses        Numbers and units of doses, equal ones made one.
formats      How many wells the plates have.
controls     Which rows are likely the negative controls.
"""
