"""Where an error was raised, as text for a log. Pure.

Messages of errors are left out: they may quote a prompt, a result or a secret.
"""

import traceback
from collections.abc import Iterator

DEEPEST = 20  # frames of each error, those next to where it was raised


def trace_of(error: BaseException) -> str:
    """The classes of an error and its causes, and the lines that raised them, the outermost error first."""
    return "\ncaused by ".join(_described(each) for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _described(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
    kind = type(error)
    lines = [f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")]
    lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join(lines)
