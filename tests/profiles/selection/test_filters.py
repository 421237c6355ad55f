"""Each step of feature selection against its naive twin, and against pycytominer 1.7.1."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprofiling.core.errors import FeatureError, InputError
from cellprofiling.core.frame import split
from cellprofiling.profiles.selection.filters import (
    STEPS,
    blocklist,
    correlation,
    frequency,
    keep,
    low_variation,
    missing,
    noise,
    outliers,
    reproducibility,
    variance,
)


def table(**columns):
    frame = split(pd.DataFrame(columns))
    frame.x.setflags(write=False)
    return frame


def dropped(judgment, features):
    return [name for name, hit in zip(features, judgment.dropped, strict=True) if hit]


@pytest.fixture
def wells():
    """200 wells with a feature of each bad kind."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=200)
    gaps, jump, flags = rng.normal(size=200), rng.normal(size=200), np.zeros(200)
    gaps[:11], jump[:3], flags[:5] = np.nan, 501, 1
    return pd.DataFrame(
        {
            "Cells_good": rng.normal(size=200),
            "Cells_gaps": gaps,
            "Cells_flat": 1e6 + 1e-4 * rng.normal(size=200),
            "Cells_flags": flags,
            "Cells_jump": jump,
            "Cells_mostly_zero": np.where(np.arange(200) < 20, 0, rng.normal(size=200)),
            "Cells_like": common,
            "Cells_alike": common + 0.1 * rng.normal(size=200),
            "Nuclei_Correlation_Manders_AGP_DNA": rng.normal(size=200),
        }
    )


NEEDED = {
    "low_variation": {"by": None},
    "noise": {"by": "Metadata_Compound"},
    "reproducibility": {"by": "Metadata_Compound"},
    "keep": {"features": ["Cells_good"]},
}


def test_every_step_says_a_value_a_verdict_and_a_reason_for_each_feature(wells):
    labelled = split(wells.assign(Metadata_Compound=np.arange(200) // 4))
    for name, step in STEPS.items():
        judgment = step(labelled, **NEEDED.get(name, {}))
        assert len(judgment.value) == len(judgment.dropped) == len(judgment.reasons) == wells.shape[1]


@pytest.mark.parametrize("cutoff", [0.0, 0.05, 0.055, 0.5])
def test_missing(wells, cutoff):
    judgment = missing(split(wells), cutoff=cutoff)
    np.testing.assert_array_equal(judgment.value, wells.isna().mean())
    assert dropped(judgment, wells) == list(wells.columns[wells.isna().mean() > cutoff])


def test_missing_says_how_much():
    assert missing(table(Cells_a=[np.nan, 1, 1, 1])).reasons == ["missing in 25.0% of rows"]


def test_variance_has_the_units_of_the_data(wells):
    judgment = variance(split(wells), cutoff=0.5)
    np.testing.assert_allclose(judgment.value, wells.var(ddof=0), rtol=1e-4)
    assert dropped(judgment, wells) == ["Cells_flat", "Cells_flags"]


def test_variance_of_nothing_and_of_rounding_is_none():
    judgment = variance(table(Cells_empty=[np.nan, np.nan], Cells_round=[0.3, 0.1 + 0.2], Cells_b=[0.0, 1]), cutoff=0)
    np.testing.assert_array_equal(judgment.dropped, [True, True, False])


def naive_repetition(values):
    counts = [n for _, n in Counter(values.dropna().tolist()).most_common()]
    return (counts[1] / counts[0] if len(counts) > 1 else 0.0), len(counts) / len(values)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.one_of(st.integers(0, 3).map(float), st.just(np.nan)), min_size=1, max_size=40),
    freq_cut=st.floats(0, 1),
    unique_cut=st.floats(0, 1),
)
def test_frequency_equals_its_naive_twin(values, freq_cut, unique_cut):
    ratio, distinct = naive_repetition(pd.Series(values))
    one = table(Cells_a=values)
    cuts = {"freq_cut": freq_cut, "unique_cut": unique_cut}
    assert frequency(one, **cuts).value == ratio
    assert frequency(one, **cuts).dropped == (ratio < freq_cut and distinct < unique_cut)
    assert frequency(one, **cuts, rule="or").dropped == (ratio < freq_cut or distinct < unique_cut)


def test_many_zeros_among_many_values_are_kept_unless_either_sign_is_enough(wells):
    """Trap: 20 zeros and 180 other values are informative; caret's rule keeps them, pycytominer's does not."""
    assert "Cells_mostly_zero" not in dropped(frequency(split(wells), freq_cut=0.06), wells)
    assert "Cells_mostly_zero" in dropped(frequency(split(wells), freq_cut=0.06, rule="or"), wells)
    with pytest.raises(InputError, match=r"rule='xor': choose one of 'and', 'or'"):
        STEPS["frequency"].chosen({"rule": "xor"})


def test_one_extreme_well_does_not_cost_a_feature(wells):
    assert dropped(outliers(split(wells)), wells) == ["Cells_flat", "Cells_jump"]  # 3 of 200 wells beyond 500
    assert dropped(outliers(split(wells), share=0.02), wells) == ["Cells_flat"]
    np.testing.assert_allclose(outliers(split(wells)).value[4], 3 / 200)


def test_the_blocklist_is_that_of_pycytominer_unless_given(wells):
    assert dropped(blocklist(split(wells)), wells) == ["Nuclei_Correlation_Manders_AGP_DNA"]
    assert dropped(blocklist(split(wells), features=["Cells_good", "Cells_absent"]), wells) == ["Cells_good"]


def test_of_correlated_features_one_is_kept_and_named(wells):
    judgment = correlation(split(wells))
    gone = dropped(judgment, wells)
    assert gone in (["Cells_like"], ["Cells_alike"])
    place = list(wells).index(gone[0])
    other = {"Cells_like": "Cells_alike", "Cells_alike": "Cells_like"}[gone[0]]
    r = wells["Cells_like"].corr(wells["Cells_alike"])
    assert judgment.reasons[place] == f"|r| = {r:.3f} with {other}"
    np.testing.assert_allclose(judgment.value[place], r)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(10)))
def test_the_order_of_columns_does_not_decide_which_is_kept(seed, order):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 10)) @ rng.normal(size=(10, 10)) * 0.1 + rng.normal(size=(30, 1))
    x[:, 5], x[:, 6] = x[:, 4], -x[:, 4]
    frame = pd.DataFrame(x, columns=[f"Cells_{letter}" for letter in "abcdefghkl"])
    shuffled = frame.iloc[:, order]
    first = set(dropped(correlation(split(frame)), frame))
    assert first == set(dropped(correlation(split(shuffled)), shuffled))
    assert len({"Cells_e", "Cells_f", "Cells_g"} - first) <= 1
    judgment = correlation(split(frame))
    told = zip(judgment.reasons, judgment.dropped, strict=True)
    partners = {reason.split(" with ")[1] for reason, gone in told if gone}
    assert partners.isdisjoint(first)


def test_opposites_are_redundant():
    up = np.random.default_rng(0).normal(size=20)
    assert dropped(correlation(table(Cells_b=up, Cells_a=-up)), ["Cells_b", "Cells_a"]) == ["Cells_b"]


@pytest.mark.parametrize(
    ("step", "options", "operation", "peer_options"),
    [
        (missing, {}, "drop_na_columns", {}),
        (missing, {"cutoff": 0.2}, "drop_na_columns", {"na_cutoff": 0.2}),
        (variance, {}, "variance_threshold", {}),
        (variance, {"cutoff": 0.9}, "variance_threshold", {"min_variance": 0.9}),
        (frequency, {"rule": "or"}, "frequency_threshold", {}),
        (frequency, {"rule": "or", "freq_cut": 0.06, "unique_cut": 0.5}, "frequency_threshold",
         {"freq_cut": 0.06, "unique_cut": 0.5}),
        (outliers, {"share": 0}, "drop_outliers", {}),
        (outliers, {"share": 0, "cutoff": 3}, "drop_outliers", {"outlier_cutoff": 3}),
        (blocklist, {}, "blocklist", {}),
        (correlation, {"rule": "pairwise"}, "correlation_threshold", {}),
        (correlation, {"rule": "pairwise", "cutoff": 0.05}, "correlation_threshold", {"corr_threshold": 0.05}),
    ],
)  # fmt: skip
def test_these_steps_equal_pycytominer_1_7_1(wells, pycytominer, step, options, operation, peer_options):
    peer = pycytominer.feature_select(wells.copy(), features=list(wells), operation=operation, **peer_options)
    assert set(dropped(step(split(wells), **options), wells)) == set(wells) - set(peer)


def test_correlation_differs_from_pycytominer_1_7_1_on_purpose(pycytominer):
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    opposite = pd.DataFrame({"Cells_a": a, "Cells_b": -a})
    assert len(pycytominer.operations.correlation_threshold(opposite)) == 0  # it overlooks negative correlations
    assert correlation(split(opposite)).dropped.sum() == 1
    hub = pd.DataFrame({f"Cells_{i}": a + 0.3 * rng.normal(size=500) for i in range(12)}).assign(Cells_hub=a)
    covered = hub.corr().abs()
    kept = ~correlation(split(hub)).dropped
    assert (covered.loc[:, kept].max(axis=1) > 0.9).all()  # each dropped one is like a kept one
    x = np.cumsum(rng.normal(size=(400, 7)), axis=1) * 0.25 + 3 * rng.normal(size=(400, 1))
    chain = pd.DataFrame(x, columns=[f"Cells_{i}" for i in range(7)])
    peer_kept = set(chain) - set(pycytominer.operations.correlation_threshold(chain, threshold=0.99))
    assert (
        len(peer_kept) < (~correlation(split(chain), cutoff=0.99).dropped).sum()
    )  # its dropped ones drop others still


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), cutoff=st.floats(0.2, 0.95), copies=st.booleans())
def test_pairwise_correlation_equals_pycytominer_1_7_1(seed, cutoff, copies):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pycytominer.operations import correlation_threshold
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 15)) + 0.3 * rng.normal(size=(40, 15))
    frame = pd.DataFrame(x, columns=[f"Cells_{i:02d}" for i in range(15)])
    peer = correlation_threshold(frame, features=list(frame), threshold=cutoff)
    assert set(dropped(correlation(split(frame), cutoff=cutoff, rule="pairwise"), frame)) == set(peer)


def test_a_rule_that_does_not_exist():
    with pytest.raises(InputError, match=r"rule='both': choose one of 'greedy', 'pairwise'"):
        STEPS["correlation"].chosen({"rule": "both"})


@pytest.fixture
def replicates():
    """30 compounds in 2 to 5 replicates: a feature that repeats, one that does not, a loud one, one with gaps."""
    rng = np.random.default_rng(0)
    compound = np.repeat(np.arange(30), np.tile([2, 3, 4, 5, 2, 3], 5))
    level, n = rng.normal(size=30)[compound], len(compound)
    gaps = level + 0.3 * rng.normal(size=n)
    gaps[rng.random(n) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "Metadata_Compound": compound,
            "Cells_repeats": level + 0.3 * rng.normal(size=n),
            "Cells_random": 0.5 * rng.normal(size=n),
            "Cells_loud": 3 * level + 2 * rng.normal(size=n),
            "Cells_gaps": gaps,
        }
    )


@pytest.mark.parametrize("cutoff", [0.2, 0.4, 0.8])
def test_noise_equals_pycytominer_1_7_1(replicates, pycytominer, cutoff):
    features = list(replicates.filter(like="Cells"))
    peer = pycytominer.operations.noise_removal(
        replicates,
        noise_removal_perturb_groups="Metadata_Compound",
        noise_removal_stdev_cutoff=cutoff,
        features=features,
    )
    judgment = noise(split(replicates), by="Metadata_Compound", cutoff=cutoff)
    assert set(dropped(judgment, features)) == set(peer)
    complete = [name != "Cells_gaps" for name in features]  # a gap may leave a group one value: another difference
    expected = replicates.groupby("Metadata_Compound")[features].std(ddof=0).mean()
    np.testing.assert_allclose(judgment.value[complete], expected[complete], rtol=0, atol=1e-9)


def test_a_group_of_one_row_does_not_make_a_feature_quiet(replicates, pycytominer):
    """Trap: pycytominer counts its standard deviation of 0 into the mean."""
    alone = pd.DataFrame({"Metadata_Compound": np.arange(100, 160)}).assign(
        **dict.fromkeys(replicates.filter(like="Cells"), 0.0)
    )
    more = pd.concat([replicates, alone])
    loud = {"by": "Metadata_Compound", "cutoff": 1.0}
    expected = noise(split(replicates), **loud)
    np.testing.assert_allclose(noise(split(more), **loud).value, expected.value, rtol=1e-12)
    assert dropped(noise(split(more), **loud), list(replicates.filter(like="Cells"))) == ["Cells_loud"]
    peer = pycytominer.operations.noise_removal(
        more, noise_removal_perturb_groups="Metadata_Compound", noise_removal_stdev_cutoff=1.0, features=["Cells_loud"]
    )
    assert peer == []


def test_noise_does_not_depend_on_the_index(replicates):
    """Trap: pycytominer aligns a list of groups with the index and then drops nothing."""
    moved = replicates.set_index(np.arange(1000, 1000 + len(replicates)))
    np.testing.assert_array_equal(
        noise(split(moved), by="Metadata_Compound").value, noise(split(replicates), by="Metadata_Compound").value
    )


def test_reproducibility_tells_what_repeats_from_what_does_not(replicates):
    judgment = reproducibility(split(replicates), by=["Metadata_Compound"], cutoff=0.4)
    assert dropped(judgment, list(replicates.filter(like="Cells"))) == ["Cells_random"]
    assert judgment.reasons[0] == f"correlation {judgment.value[0]:.2f} between replicates"


@pytest.mark.parametrize("step", [noise, reproducibility])
def test_replicates_must_be_named_and_be_there(replicates, step):
    with pytest.raises(InputError, match=rf"{step.__name__}: needs the metadata columns that replicates have in comm"):
        step(split(replicates))
    alone = replicates.drop_duplicates("Metadata_Compound")
    with pytest.raises(InputError, match=r"by='Metadata_Compound' makes 30 groups of one row each"):
        step(split(alone), by="Metadata_Compound")


def test_low_variation_is_judged_in_each_plate():
    rng = np.random.default_rng(0)
    still = np.where(np.arange(40) < 20, 5.0, 5 + rng.normal(size=40))  # does not vary on the first plate
    frame = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat(["P1", "P2"], 20),
            "Cells_varies": 5 + rng.normal(size=40),
            "Cells_still": still,
            "Cells_little": 1e6 + rng.normal(size=40),
            "Cells_zero": np.tile([-1.0, 0, 0, 0, 1], 8),
            "Cells_absent": np.where(np.arange(40) < 20, np.nan, rng.normal(size=40)),
        }
    )
    judgment = low_variation(split(frame))
    assert dropped(judgment, list(frame)[1:]) == ["Cells_still", "Cells_little", "Cells_zero", "Cells_absent"]
    mads = frame.groupby("Metadata_Plate")["Cells_varies"].agg(lambda x: (x - x.median()).abs().median() / x.median())
    np.testing.assert_allclose(judgment.value[0], mads.min())


def test_keep_names_what_is_absent(wells):
    assert dropped(keep(split(wells), features=["Cells_good", "Cells_like"]), wells) == [
        name for name in wells if name not in ("Cells_good", "Cells_like")
    ]
    with pytest.raises(FeatureError, match=r"keep: 1 of 2 features are not in the table, or .*: 'Cells_else'\."):
        keep(split(wells), features=["Cells_good", "Cells_else"])
    with pytest.raises(InputError, match=r"keep: needs features=\[\.\.\.\], or features='file'"):
        keep(split(wells))
    with pytest.raises(InputError, match=r"keep: features='no\.txt' cannot be read"):
        keep(split(wells), features="no.txt")
