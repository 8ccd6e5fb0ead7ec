"""The parts of the stack: one construct a file, each owning its resources."""
