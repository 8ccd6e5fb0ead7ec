"""DLQ triage: what is in the dead-letter queue, why, what today's code says of it, and back to the queue."""

import sys
from pathlib import Path

# Today's code is the functions' own: their packages are found from here on.
sys.path.append(str(Path(__file__).resolve().parents[2] / "lambdas"))
