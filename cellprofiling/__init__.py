"""From per-cell feature tables to a hit list that can be trusted, with a QC report beside it.

The verbs are imported when first used: `import cellprofiling` loads none of the heavy libraries. Their names, in the
order data meets them, stand in `__init__.pyi`.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
