"""Figures of plates and screens."""
