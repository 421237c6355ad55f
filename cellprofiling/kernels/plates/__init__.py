"""What lies where on a plate.

layouts         Plates laid over the other plates of their layout: as recorded, turned, flipped,
                shifted, and over other layouts.
local_fit       Plates smoothed by polynomials fitted near each well.
patterns        How alike the patterns of plates are: grids of values compared well by well, as they are or moved.
plate_position  Whether values on a plate follow its edge, its rows and columns, or the tips of a dispenser.
polish          Rows and columns of plates taken out of the values by medians.
regions         Wells that lie together.
surface         The smooth shape of a plate in a few terms.
swapped_labels  Whether two rows of a block would agree better with their kind elsewhere if they exchanged labels.
"""
