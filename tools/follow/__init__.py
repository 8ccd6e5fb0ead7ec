"""Following one event, from the HTTP request that brought it to its charger's item, by what the stage logged."""
