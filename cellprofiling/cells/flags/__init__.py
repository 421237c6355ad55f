"""Cells that are suspect: the rules, what they learn, and the marks."""
