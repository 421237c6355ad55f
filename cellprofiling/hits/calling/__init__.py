"""Which perturbations differ from controls: statistics, permutations, and the audit of the test."""
