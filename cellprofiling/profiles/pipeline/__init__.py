"""Steps, one after the other, and presets of them."""
