"""The function behind `GET /telemetry/{chargerId}`."""
