"""How many plates, controls and cells it takes."""
