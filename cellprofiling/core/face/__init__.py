"""The face of the package: its verbs in order, and what answers for a name or an argument that is none."""
