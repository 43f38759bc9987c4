"""Folds repeated lines of the operation log into one with a count: a job's updates differ in nothing but the time."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from local_stack.log_fields import LineFields

WINDOW: Final = 5.0  # seconds after which repeated lines are written, even if only more of them follow
REPEATED: Final = "updateStatus"

Key = tuple[str, ...]


@dataclass(slots=True)
class _Repetition:
    """Lines that were held back after the first one."""

    first: float  # when it was written
    count: int = 0
    milliseconds: float = 0.0
    last: logging.LogRecord | None = None


class FoldingHandler(logging.Handler):
    """Passes records to another handler; successful updates of one job after the first one as a single line.

    Held lines are written before the next other line, after `WINDOW`, and when the handler is closed.

    Args:
        target: Receives the records.
        fields: Says which job a record is about.
        clock: Seconds.
    """

    def __init__(
        self, target: logging.Handler, fields: LineFields, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._target = target
        self._fields = fields
        self._clock = clock
        self._held: dict[Key, _Repetition] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        if not self._target.filter(record):
            return
        key = self._key(record)
        if key is None:
            self._release()
            self._target.handle(record)
            return
        held = self._held.get(key)
        if held is not None and self._clock() - held.first < WINDOW:
            held.count += 1
            held.milliseconds += getattr(record, "milliseconds", 0.0)
            held.last = record
            return
        if held is not None:
            self._write(self._held.pop(key))
        self._held[key] = _Repetition(self._clock())
        self._target.handle(record)

    def close(self) -> None:
        """Write what is held, and close the target."""
        self._release()
        self._target.close()
        super().close()

    def _key(self, record: logging.LogRecord) -> Key | None:
        values: dict[str, Any] = vars(record)
        if values.get("outcome") != "ok" or record.levelno > logging.INFO:
            return None
        match values.get("event"):
            case "operation" if str(values["operation"]).endswith(REPEATED):
                return ("operation", str(self._fields.of(record).get("job_id")), values["operation"], values["caller"])
            case "step" if REPEATED in str(values["step"]):
                return ("step", values["step"], values["source"])
            case _:
                return None

    def _release(self) -> None:
        held, self._held = self._held, {}
        for repetition in held.values():
            self._write(repetition)

    def _write(self, repetition: _Repetition) -> None:
        if repetition.last is None:
            return
        if repetition.count == 1:
            self._target.handle(repetition.last)
            return
        record = logging.makeLogRecord(vars(repetition.last))
        average = repetition.milliseconds / repetition.count
        record.__dict__.pop("line_fields", None)
        record.__dict__ |= {"milliseconds": average, "outcome": f"ok ×{repetition.count}", "count": repetition.count}
        name = vars(record).get("operation") or vars(record).get("step")
        who = vars(record).get("caller") or vars(record).get("source")
        record.msg, record.args = f"{name} {who} {average:.1f} ms ok ×{repetition.count}", ()
        self._target.handle(record)
