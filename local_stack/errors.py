"""Why a local stack cannot start."""


class StackError(Exception):
    """The stack cannot start; the message says why and what to do."""
