"""A simulated fleet: chargers that behave, flaws by rate, and a verdict on what the service has kept of it all."""
