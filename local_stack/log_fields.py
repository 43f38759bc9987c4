"""The fields of a log line: what a record of this process, or a line that a worker printed, says about which job."""

import json
import logging
import re
import traceback
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from appsync_local.functions.log_format import timestamp

FUNCTION_LOGGER: Final = "appsync_local.functions."
REMEMBERED_REQUESTS: Final = 4096
LONGEST_MESSAGE: Final = 8192  # characters
_LEVELS: Final = logging.getLevelNamesMapping()
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_STANDARD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "line_fields"}
# Of a worker's line, in Lambda's names: read below, or of no use to a reader.
_LAMBDA_FIELDS: Final = frozenset(
    {"timestamp", "level", "log_level", "message", "logger", "requestId", "stackTrace", "location", "trace"}
    | {"errorMessage", "errorType"}
)


class LineFields:
    """Turns records into fields, and remembers which request is about which job.

    A worker's line with a job id is the first that connects a request with its job. Later lines of the request, of the
    worker or of the event queue, get the job id from here.
    """

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, str] = OrderedDict()  # by request id

    def of(self, record: logging.LogRecord) -> Mapping[str, Any]:
        """The fields: time, level, function, request_id, job_id, message, trace, and further ones of the record.

        A field without a value is missing.
        """
        known: Mapping[str, Any] | None = getattr(record, "line_fields", None)  # another handler has asked already
        if known is None:
            known = record.line_fields = self._read(record)
        return known

    def _read(self, record: logging.LogRecord) -> Mapping[str, Any]:
        printed = _printed(record)
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        if printed is not None:
            extra |= {name: value for name, value in printed.items() if name not in _LAMBDA_FIELDS}
        request_id = extra.get("request_id") or (printed or {}).get("requestId")
        job_id = self._job_of(request_id, extra.get("job_id"))
        fields = {
            "time": timestamp(record.created),
            "level": record.levelname if printed is None else _level(printed),
            "function": record.name.removeprefix(FUNCTION_LOGGER) if _is_output(record) else None,
            "logger": record.name if printed is None else printed.get("logger"),
            "request_id": request_id,
            "job_id": job_id,
            "message": (record.getMessage() if printed is None else _message(printed))[:LONGEST_MESSAGE],
            "trace": _trace(record) if printed is None else _printed_trace(printed),
        }
        fields |= {name: value for name, value in extra.items() if name not in fields}
        return {name: value for name, value in fields.items() if value is not None}

    def _job_of(self, request_id: object, job_id: object) -> str | None:
        if not isinstance(request_id, str):
            return str(job_id) if job_id is not None else None
        if job_id is None:
            return self._jobs.get(request_id)
        self._jobs[request_id] = str(job_id)
        self._jobs.move_to_end(request_id)
        if len(self._jobs) > REMEMBERED_REQUESTS:
            self._jobs.popitem(last=False)
        return str(job_id)


def job_fields(variables: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, str]:
    """The job that an operation is about, for its log line.

    Args:
        variables: Of the operation.
        data: What it was answered with, by response key.
    """
    inputs = (variables, *(it for it in variables.values() if isinstance(it, Mapping)))
    answers = (it for it in data.values() if isinstance(it, Mapping))
    for source in (*inputs, *answers):
        job_id = source.get("jobId")
        if isinstance(job_id, str) and _UUID.fullmatch(job_id):
            return {"job_id": job_id.lower()}
    return {}


def _is_output(record: logging.LogRecord) -> bool:
    return getattr(record, "event", None) == "function_output"


def _printed(record: logging.LogRecord) -> dict[str, Any] | None:
    """A line that a worker logged as JSON; None for everything else."""
    if not _is_output(record):
        return None
    text = record.getMessage()
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and ("level" in found or "log_level" in found) else None


def _level(printed: Mapping[str, Any]) -> str:
    return str(printed.get("level") or printed.get("log_level"))


def _message(printed: Mapping[str, Any]) -> str:
    message = printed.get("message")
    trace = printed.get("trace")
    if isinstance(message, str):
        return message.removesuffix(f"\n{trace}") if trace else message
    error = message if isinstance(message, dict) else printed
    if "errorMessage" in error:
        return f"{error.get('errorType')}: {error['errorMessage']}"
    return json.dumps(message, ensure_ascii=False)  # a value that a function for Node.js logged


def _printed_trace(printed: Mapping[str, Any]) -> str | None:
    message = printed.get("message")
    error = message if isinstance(message, dict) else printed
    trace = printed.get("trace") or error.get("stackTrace")
    if isinstance(trace, list):  # Python's lines have line breaks, and those of Node.js have none
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in map(str, trace))
    return None if trace is None else str(trace)


def _trace(record: logging.LogRecord) -> str | None:
    if record.exc_info is None or record.exc_info[1] is None:
        return None
    return "".join(traceback.format_exception(record.exc_info[1]))


def severity(fields: Mapping[str, Any]) -> int:
    """The level of a line as a number; INFO for an unknown name."""
    return _LEVELS.get(str(fields.get("level")), logging.INFO)
