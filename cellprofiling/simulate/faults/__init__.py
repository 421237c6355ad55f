"""Wells without their cells, and what goes wrong in a laboratory: for tests and benchmarks."""
