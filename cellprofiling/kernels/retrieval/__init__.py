"""How well profiles find each other, by ranks and by distances.

agreement           Whether replicates agree better than wells that are none, against random wells of the same plates.
average_precision   Average precision from similarities, ties counted against the query.
control_refit       What was fitted on control wells, fitted anew for another choice of control
                    wells, from inner products alone.
energy              Energy distance between labelled wells and the controls of their blocks, for
                    many ways to lay the labels.
precision_by_label  Average precision of many wells that all look for their like in one set of others.
precision_of_sets   Mean average precision of sets of profiles among all others, for many sets.
retrieval           Mean average precision of labelled wells against the controls of their block,
                    for many ways to lay the labels.
same_place          Whether wells resemble those of the same position on other plates more than
                    those of other positions.
separation          How far labelled wells lie from the controls of their blocks, and how alike
                    they are, for many assignments.
"""
