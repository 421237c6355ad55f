"""Batches: guards of the layout, and corrections that are fitted and applied."""
