"""The version of this package, for the records that it writes."""

__version__ = "0.1.0"
