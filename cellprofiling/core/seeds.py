"""Seeds of any size for libraries that take 32 bits."""

import numpy as np

MOST = 2**32  # scikit-learn and umap-learn refuse seeds from here on


def seed_of_32_bits(seed: int) -> int:
    """Return a seed as it is where it fits in 32 bits, and else one drawn from it."""
    return int(seed) if seed < MOST else int(np.random.SeedSequence(seed).generate_state(1)[0])
