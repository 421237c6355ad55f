"""Which features to keep, and why."""
