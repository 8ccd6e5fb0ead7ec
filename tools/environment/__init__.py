"""The project's environment, and the commands that run in it.

The system's Python reads this package before there is any environment: it imports the standard library alone, and of
the other modules `tools.command_line`, which does so, too.
"""
