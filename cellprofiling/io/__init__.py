"""Files to tables and back: one file per format."""
