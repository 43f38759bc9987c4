"""The log lines of a worker, in the two formats that Lambda's Python runtime writes. Standard library only.

Source: Lambda Developer Guide, "Using Lambda advanced logging controls with Python"; awslambdaric, `JsonFormatter`.
"""

import json
import logging
import time
import traceback
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

FORMAT_VARIABLE: Final = "AWS_LAMBDA_LOG_FORMAT"
LEVEL_VARIABLE: Final = "AWS_LAMBDA_LOG_LEVEL"  # Lambda applies it to the JSON format only
_TEXT: Final = "[%(levelname)s]\t%(message)s"  # time and request id are added by the engine's log
_STANDARD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_encode: Final = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """One JSON object for each record, with the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "timestamp": timestamp(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info is not None and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields |= {
                "errorType": type(error).__name__,
                "errorMessage": str(error),
                "stackTrace": traceback.format_tb(error.__traceback__),
            }
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        return _encode(fields | {name: it for name, it in extra.items() if name not in fields})


def configure(environment: Mapping[str, str], handler: logging.Handler) -> None:
    """Make `handler` the only handler of the root logger, with the format and level that the environment asks for."""
    root = logging.getLogger()
    if is_json(environment):
        handler.setFormatter(JsonFormatter())
        root.setLevel(environment.get(LEVEL_VARIABLE, "INFO"))
    else:
        handler.setFormatter(logging.Formatter(_TEXT))
    root.handlers[:] = [handler]


def error_line(error: Mapping[str, object], environment: Mapping[str, str]) -> str:
    """What is printed for an error that a handler raised; ends with a line break."""
    if is_json(environment):
        fields = {"timestamp": timestamp(time.time()), "log_level": "ERROR", **error}
        return f"{_encode(fields)}\n"
    trace = error["stackTrace"]
    head = f"[ERROR] {error['errorType']}: {error['errorMessage']}\n"
    return head + "Traceback (most recent call last):\n" + "".join(trace) if isinstance(trace, list) and trace else head


def is_json(environment: Mapping[str, str]) -> bool:
    """Whether the function's log format is JSON."""
    return environment.get(FORMAT_VARIABLE) == "JSON"


def timestamp(seconds: float) -> str:
    """A time in UTC with milliseconds, such as 2026-01-31T08:05:00.123Z."""
    return f"{_to_the_second(int(seconds))}.{int(seconds * 1000) % 1000:03d}Z"


@lru_cache(maxsize=1)  # most lines follow another one of the same second
def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
