"""Kinds of cells: subpopulations, responders, and the cells that show a change best."""
