"""The function behind `POST /telemetry` and `POST /telemetry/batch`."""
