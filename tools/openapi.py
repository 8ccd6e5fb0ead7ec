"""Writes `docs/openapi.json`, a copy of what the API answers to `GET /openapi.json`.

Run it with `scripts/telemetry.sh document openapi`.
"""

import json
from pathlib import Path

from query import openapi

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "docs" / "openapi.json"


def text() -> str:
    """Return what the copy is to hold, for people to read."""
    return json.dumps(openapi.document(), indent=2) + "\n"


def main() -> None:
    """Write the copy."""
    COPY.write_text(text())
