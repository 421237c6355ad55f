"""The methods as tables for readers, one for each verb, written from the records themselves."""

import re

import pandas as pd

HEAD = "| method | what it does | options | reference |\n|---|---|---|---|\n"
LINK = re.compile(r"https://doi\.org/\S+[^\s,;.)]")


def markdown(methods: pd.DataFrame) -> str:
    """Return a heading and a table for each verb of `cellprofiling.methods()`."""
    return "\n".join(
        f"## {verb}\n\n{HEAD}" + "".join(f"| {' | '.join(_cells(row))} |\n" for row in of_verb.to_dict("records"))
        for verb, of_verb in methods.groupby("verb", sort=False)
    )


def _cells(row: dict[str, str]) -> list[str]:
    reference = LINK.sub(lambda found: f"[{found[0].removeprefix('https://doi.org/')}]({found[0]})", row["reference"])
    options = f"`{row['options']}`" if row["options"] else ""
    return [text.replace("|", "\\|") for text in (f"`{row['name']}`", row["sentence"], options, reference)]
