"""The function behind all that is read: latest telemetry, and the description of the API."""
