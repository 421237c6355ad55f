"""The record behind a page: numbers, sentences and tables."""
