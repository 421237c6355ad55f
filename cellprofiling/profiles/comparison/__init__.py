"""Corrections compared on biology, mixing and safety, and one recommended, or none."""
