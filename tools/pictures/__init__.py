"""Draws what commands show on a terminal: `docs/pictures/NAME.svg`, from a real run of each.

Run it with `scripts/telemetry.sh pictures [NAME...]`. To draw another command, add it to `catalogue.PICTURES`. A
picture holds no token and no path of this machine, and needs no font from elsewhere.
"""
