"""Where cells sit: how crowded, beside whom, and what that explains of their features."""
