"""Records as JSON: sorted keys, plain numbers, a missing number as null."""

import json
from pathlib import Path
from typing import Any

from cellprofiling.io.storage.files import atomic


def write_json(content: Any, path: Path) -> None:
    """Write JSON with sorted keys; a missing number becomes null."""
    with atomic(path) as temporary:
        text = json.dumps(_plain(content), indent=2, sort_keys=True, allow_nan=False, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if hasattr(content, "item"):
        content = content.item()
    return None if isinstance(content, float) and content != content else content
