"""Responses over doses.

curves      Curves of a response over the dose, fitted by least squares.
projection  How far wells go along the way that the other wells of a dose series go.
titration   How alike two dose series are if one may be moved along the doses.
trend       How much of the spread of a response a monotone function of the dose explains, for many
            assignments of wells.
"""
