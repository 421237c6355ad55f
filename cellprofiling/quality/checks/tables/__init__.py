"""Checks of the tables that were brought: inputs, design, features, cells, images."""
