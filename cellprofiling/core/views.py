"""How results that are no tables show themselves: a few lines of text, and a small table in a notebook."""

from html import escape

Facts = list[tuple[str, str]]

MOST_FACTS, MOST_LETTERS = 15, 200


class Shown:
    """A result that shows what it holds; its kinds say what by `facts`.

    A dataclass among them is declared with ``repr=False``, or its own text would list every number.
    """

    def facts(self) -> Facts:
        """Return what is worth knowing: a name and a few words each."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Say what it holds in a few lines."""
        found = _short(self.facts())
        width = max((len(name) for name, _ in found), default=0)
        return "\n".join([type(self).__name__, *(f"  {name:<{width}}  {words}" for name, words in found)])

    def _repr_html_(self) -> str:
        """Return the same as a table, without style or script: it takes the colors of the page."""
        return html(type(self).__name__, self.facts())


def html(title: str, facts: Facts) -> str:
    """Return facts as a small table."""
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(words)}</td></tr>" for name, words in _short(facts))
    return f"<p><b>{escape(title)}</b></p><table>{''.join(rows)}</table>"


def span(values: list[int]) -> str:
    """Return "3" or "3 to 5"; nothing where there is none."""
    ends = dict.fromkeys((min(values), max(values))) if values else {}
    return " to ".join(f"{each:,}" for each in ends)


def _short(facts: Facts) -> Facts:
    """Return what fits: the first facts, each on one line."""
    clean = [(name, " ".join(str(words).split())) for name, words in facts]
    short = [(name, words if len(words) <= MOST_LETTERS else words[: MOST_LETTERS - 1] + "…") for name, words in clean]
    if len(short) <= MOST_FACTS:
        return short
    return [*short[: MOST_FACTS - 1], ("", f"and {len(short) - MOST_FACTS + 1} more")]
