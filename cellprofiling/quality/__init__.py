"""Whether a screen can be trusted: checks, the limits they use, and one verdict."""
