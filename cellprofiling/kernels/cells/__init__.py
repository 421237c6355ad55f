"""Cells of a well: phases, responders, surroundings, typical cells.

cell_cycle    DNA content as a mixture: cells before, in and after replication, and what lies beyond.
pilot_screen  What a pilot screen says of a larger one: how control wells vary, and how large the
              effects of treatments are.
responders    What share of the cells of some wells responds: each well is scored along a direction that
              the others found.
surroundings  How crowded it is around each cell of an image, and whether like cells lie together.
typical       Cells to look at: which of them respond, and which of those are typical.
"""
