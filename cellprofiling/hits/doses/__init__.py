"""Doses: a test of trend, curves, and what compounds that act alike at shifted doses have in common."""
