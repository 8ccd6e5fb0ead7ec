"""What the functions share: the event model, the merge, and the queue and the table behind small interfaces."""
