"""From well profiles to a ranked hit list: retrieval scores, permutation tests, control audits."""
