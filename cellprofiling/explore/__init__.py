"""Profiles looked at: maps, similarity, groups."""
