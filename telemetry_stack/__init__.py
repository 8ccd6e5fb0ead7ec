"""The AWS infrastructure of the telemetry service."""
