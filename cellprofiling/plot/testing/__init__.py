"""Figures of hits, doses and how they were tested."""
