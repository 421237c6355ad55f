"""The verbs as a table, read from the source without importing it."""

import ast

import pandas as pd

from cellprofiling.core.errors import InputError, listed, meant
from cellprofiling.core.face.entries import Entry, entries


def verbs(question: str | None = None) -> pd.DataFrame:
    """
    Return the verbs of the package, by the question they answer.

    Parameters
    ----------
    question : str or None, default None
        A question, such as "doses" or "hits", or else a word that names or sentences of verbs hold; None for all.

    Returns
    -------
    pandas.DataFrame
        One row per verb, in the order data meets them: ``verb``; ``sentence``, what it returns; ``page`` of the docs;
        ``question``, one of "finding your way", "files", "reading and cells", "wells to profiles", "correcting",
        "looking", "hits", "doses", "explaining", "quality and report" and "power and truth".

    Raises
    ------
    InputError
        No question has this name, and no verb this word.

    See Also
    --------
    methods : The methods of a verb.

    Examples
    --------
    >>> import cellprofiling as cpf
    >>> cpf.verbs("doses")["verb"].tolist()
    ['fit_doses', 'dose_responses', 'titration_similarity']
    >>> cpf.verbs("whiten")["page"].unique().tolist()
    ['batch']
    """
    if question is not None and not isinstance(question, str):
        raise InputError(f"question={question!r}: give a word, such as 'doses', or None for all verbs.")
    face = entries()
    table = pd.DataFrame(
        {
            "verb": [entry.name for entry in face],
            "sentence": [_sentence(entry) for entry in face],
            "page": [entry.page for entry in face],
            "question": [entry.question for entry in face],
        }
    )
    if question is None:
        return table
    asked = question.strip().lower()
    of_question = table["question"].eq(asked)
    words = table["verb"] + " " + table["sentence"]
    chosen = table[of_question if of_question.any() else words.str.lower().str.contains(asked, regex=False)]
    if not len(chosen):
        questions = list(dict.fromkeys(table["question"]))
        raise InputError(
            f"question={question!r}: no question of that name, and no verb with that word. Questions are "
            f"{listed(questions, limit=len(questions))}.{meant(question, [*questions, *table['verb']])}"
        )
    return chosen.reset_index(drop=True)


def _sentence(entry: Entry) -> str:
    """Return the first line of the docstring of a function, or of a module."""
    module = ast.parse(entry.path.read_text(encoding="utf-8"))
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == entry.name]
    return (ast.get_docstring(functions[-1] if functions else module) or "").partition("\n")[0]  # after overloads
