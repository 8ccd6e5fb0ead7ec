"""What is wrong with a stage. It imports nothing, so that the tools can tell it before there is any environment."""


class StageError(Exception):
    """The stage that was asked for can't be used; the message says why, on one line."""


class UnknownStageError(StageError):
    """No stage has the name that was asked for."""


class InvalidStageError(StageError):
    """A setting of the stage, or several together, break a rule."""
