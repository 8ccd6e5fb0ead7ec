"""The function that takes envelopes off the queue and keeps the latest telemetry of each charger."""
