"""Arrays in, arrays out: NumPy, SciPy and Numba only, one idea per file."""
