"""One file for each program that writes tables of cells."""
