"""Checks of a hit list."""
