"""An equal sample of the cells of each well, whatever holds the cells."""
