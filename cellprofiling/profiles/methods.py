"""The options of a method, shared by all verbs; see `cellprofiling.core.methods`."""

from cellprofiling.core.methods import chosen_options, options_of

__all__ = ["chosen_options", "options_of"]
