"""Checks of wells: counts, controls, copies, replicates."""
