"""What goes wrong in the local cloud, told to the person at the keyboard."""

from tools.command_line import CommandError


class LocalCloudError(CommandError):
    """The local cloud can't do what was asked. The message says why, and what to do about it."""
