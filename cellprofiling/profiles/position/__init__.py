"""Effects of the position on the plate: audited, and taken out."""
