"""Why a local stack cannot start."""


class StackError(Exception):
    """The stack cannot start; the message says why and what to do."""


class OptionInvalid(StackError):
    """An option has a value that cannot be used, or two options exclude each other."""
