"""The cell cycle: how much DNA a cell has, its phase, and the phases of a well."""
