"""Bytes: how tables lie in files."""
