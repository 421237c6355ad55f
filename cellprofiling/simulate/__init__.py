"""Screens whose truth is known."""
