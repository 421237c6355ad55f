"""Checks of whole plates and of positions on them."""
