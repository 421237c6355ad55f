"""Peers that do not go with this project's versions, in an environment of their own: `.venv-peers` beside `.venv`.

It is made on first use, which takes some minutes. harmonypy is GPL: it is timed there, and never installed with the
project.
"""

import subprocess
import venv
from functools import cache
from pathlib import Path

HOME = Path(__file__).parents[1]
ENVIRONMENT = HOME / ".venv-peers"
PEERS = ("scanpy==1.11.5", "harmonypy==2.1.0", "scib-metrics==0.5.10", "copairs>=0.5.5")


@cache
def python_of_peers() -> str:
    """Return the interpreter that has the peers."""
    python = str(ENVIRONMENT / "bin" / "python")
    if not (ENVIRONMENT / "ready").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", str(HOME), *PEERS]
        subprocess.run(command, check=True)
        (ENVIRONMENT / "ready").touch()
    return python
