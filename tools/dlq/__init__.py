"""DLQ triage: what is in the dead-letter queue, why, what today's code says of it, and back to the queue."""
