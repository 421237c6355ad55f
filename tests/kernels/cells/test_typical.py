"""Cells taken for responders mostly respond, and those shown are usual in all else and of several wells."""

import numpy as np

from cellprofiling.kernels.cells.typical import responding, typical


def test_cells_taken_respond_nine_times_in_ten():
    rng = np.random.default_rng(0)
    controls, scores = rng.normal(size=4000), rng.normal(size=4000)
    responder = rng.random(4000) < 0.2
    scores[responder] += 4
    taken = responding(scores, controls, 0.0)
    assert responder[taken].mean() > 0.85
    assert taken[responder].mean() > 0.9


def test_if_all_respond_all_but_the_lowest_are_taken():
    rng = np.random.default_rng(0)
    scores, controls = rng.normal(1, 1, 2000), rng.normal(size=2000)
    assert responding(scores, controls, 0.95).mean() > 0.9
    assert responding(scores, controls, 0.0).mean() < 0.5


def test_if_no_cell_is_beyond_a_control_the_highest_is_taken():
    assert responding(np.array([-9.0, -8.0]), np.arange(10.0), 0.0).tolist() == [False, True]


def test_chosen_are_near_in_score_usual_and_of_all_wells():
    rng = np.random.default_rng(0)
    y, scores, well = rng.normal(size=(300, 4)), rng.normal(size=300), np.repeat([0, 1, 2], 100)
    y[:10] += 50  # debris with good scores
    scores[:10] = 2.0
    scores[10:] = np.where(rng.random(290) < 0.3, 2.01, scores[10:])
    chosen = typical(y, scores, well, 2.0, 12)
    assert len(set(chosen)) == 12
    assert (chosen >= 10).all()
    assert (np.abs(scores[chosen] - 2.01) < 0.2).all()
    assert len(typical(y, scores, well, 2.0, 900)) == 300
    turns = typical(rng.normal(size=(300, 4)), rng.normal(size=300), well, 0.0, 6)
    assert np.bincount(well[turns], minlength=3).tolist() == [2, 2, 2]
