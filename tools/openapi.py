"""Writes `docs/openapi.json`, a copy of what the API answers to `GET /openapi.json`.

Run it with `scripts/run.sh -- python -m tools.openapi`.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "docs" / "openapi.json"


def text() -> str:
    """Return what the copy is to hold, for people to read."""
    sys.path.insert(0, str(ROOT / "lambdas"))
    try:
        from query import openapi  # noqa: PLC0415 - the functions' packages are found from here on
    finally:
        sys.path.pop(0)
    return json.dumps(openapi.document(), indent=2) + "\n"


def main() -> None:
    """Write the copy."""
    COPY.write_text(text())


if __name__ == "__main__":
    main()
