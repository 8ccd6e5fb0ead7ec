"""The function behind `POST /telemetry`."""
