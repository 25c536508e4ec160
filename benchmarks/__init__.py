"""Side by side in one run: this package, the last published release, plain cattrs, msgspec, and the raw parsers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks"
"""What was measured."""

# The fixtures know how to install a published release.
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))


def messages() -> dict[str, dict[str, Any]]:
    """The payload of each measured message, by full name; read anew at each call."""
    table: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("messages.json").read_text(encoding="utf-8"))
    return table
