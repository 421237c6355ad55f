"""Profiles in units of the spread of reference wells."""
