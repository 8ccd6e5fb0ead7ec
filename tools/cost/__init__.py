"""What the service costs a month, by component, from a stage's settings and from what its code really sends and writes."""
