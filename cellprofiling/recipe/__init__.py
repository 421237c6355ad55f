"""screen.yaml: a screen described once, run from cells to report, resumed, and accounted for."""
