"""What the service costs a month, by component: from a stage's settings, and what its code really sends and stores."""
