"""A fleet as a live table in the terminal, or one of its chargers with its recent changes, by the query API."""
