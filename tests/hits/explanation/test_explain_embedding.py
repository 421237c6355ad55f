"""Directions of an embedding are explained by the features they are made of, and noise is said not to be."""

import numpy as np
import pandas as pd
import pytest

import cellprofiling as cpf
from cellprofiling.core.errors import InputError, KeyMatchError

AREA, DNA = "Nuclei_AreaShape_Area", "Nuclei_Intensity_MeanIntensity_DNA"


def tables(seed: int = 0, n_plates: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return an embedding of which one axis is the area and the others are noise, and a table of features."""
    rng = np.random.default_rng(seed)
    n = 30 * n_plates
    metadata = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat([f"P{i}" for i in range(n_plates)], 30),
            "Metadata_Well": [f"{row}{i + 1:02d}" for row in "AB" for i in range(15)] * n_plates,
            "Metadata_Compound": np.tile(np.repeat(["DMSO", "large", "odd"], [20, 5, 5]), n_plates),
        }
    )
    named = pd.DataFrame(
        rng.normal(size=(n, 4)), columns=[AREA, "Nuclei_AreaShape_Perimeter", DNA, "Cells_Texture_Gabor_ER_3"]
    )
    named[AREA] += 5 * (metadata["Metadata_Compound"] == "large")
    axes = rng.normal(size=(n, 5))
    axes[:, 0] = 6 * named[AREA] + 0.5 * axes[:, 0]
    axes[:, 4] += 8 * (metadata["Metadata_Compound"] == "odd")
    embedding = pd.DataFrame(axes, columns=[f"emb_{i}" for i in range(5)])
    return pd.concat([metadata, embedding], axis=1), pd.concat([metadata, named], axis=1).sample(
        frac=1, random_state=seed
    )


def test_components() -> None:
    embedding, named = tables()
    found = cpf.explain_embedding(embedding, named, n_components=3).set_index(["component", "group"])
    first = found.loc[(1, "Nuclei AreaShape")]
    assert first["r_squared"] > 0.9
    assert first["share"] > 0.95
    assert "explain 9" in first["sentence"]
    assert "most of all Nuclei AreaShape (" in first["sentence"]
    assert not found.loc[3, "explained"].any()
    assert "component 3: not explained by the measured features" in found.loc[3, "sentence"].iloc[0]
    np.testing.assert_allclose(found["share"].groupby("component").sum(), 1)


def test_directions_of_perturbations() -> None:
    embedding, named = tables()
    found = cpf.explain_embedding(embedding, named, by="Metadata_Compound", reference="Metadata_Compound == 'DMSO'")
    told = found.groupby("Metadata_Compound")["explained"].first()
    assert told["large"]
    assert not told["odd"]
    assert found["sentence"].iloc[-1].startswith("odd: not explained")


def test_an_embedding_of_noise_is_never_explained() -> None:
    embedding, named = tables()
    shuffled = named.assign(**{name: named[name].to_numpy()[::-1] for name in named.columns[3:]})
    noise = embedding.drop(columns=["emb_0", "emb_4"])
    assert not cpf.explain_embedding(noise, shuffled, n_components=3)["explained"].any()


def test_order_of_rows_does_not_matter_and_one_plate_is_split_by_wells() -> None:
    embedding, named = tables()
    found = cpf.explain_embedding(embedding, named)
    pd.testing.assert_frame_equal(cpf.explain_embedding(embedding.iloc[::-1], named), found)
    one = [table[table["Metadata_Plate"] == "P0"] for table in (embedding, named)]
    assert cpf.explain_embedding(*one, n_components=1)["explained"].all()


def test_wrong_input_is_named() -> None:
    embedding, named = tables()
    with pytest.raises(InputError, match=r"n_components=0: not a whole number"):
        cpf.explain_embedding(embedding, named, n_components=0)
    with pytest.raises(InputError, match=r"reference=None: with by"):
        cpf.explain_embedding(embedding, named, by="Metadata_Compound")
    with pytest.raises(InputError, match=r"embedding: 9 wells, and 10 are the fewest"):
        cpf.explain_embedding(embedding.head(9), named)
    with pytest.raises(KeyMatchError, match=r"named: 30 of 120 wells of the embedding are not there"):
        cpf.explain_embedding(embedding, named[named["Metadata_Plate"] != "P1"])
    with pytest.raises(KeyMatchError, match=r"named: 1 wells occur more than once"):
        cpf.explain_embedding(embedding, pd.concat([named, named.head(1)]))
