"""The door: what a table is taken for, said before anything is computed."""
