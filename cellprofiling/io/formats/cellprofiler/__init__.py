"""What CellProfiler and its companions write."""
