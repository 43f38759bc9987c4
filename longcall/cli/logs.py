"""The log lines about one job: from the files of a local stack, or from CloudWatch Logs.

A line is a JSON object with `job_id`, a time, `level` and `message`. Lines never contain prompts, results or tokens.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from os import SEEK_END
from pathlib import Path
from typing import Any, Final, Protocol

from longcall import display
from longcall.cli.operating import NO_CREDENTIALS
from longcall.cli.stack import Stack
from longcall.errors import ConfigurationError, NotAuthorized, Unreachable
from longcall.models import JobId, Json

FOLDER: Final = "logs"  # in the folder of the stack file
RETENTION: Final = timedelta(days=7)  # how long jobs are stored by default
_SHOWN: Final = frozenset({"job_id", "time", "timestamp", "level", "message", "trace", "stackTrace", "logger"})
_NOT_A_FACT: Final = re.compile(r"requestId|request_id|location|errorMessage")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line about a job.

    Attributes:
        time: When it was logged; None if the line does not say.
        level: Such as INFO.
        message: One sentence.
        trace: A traceback, of several rows; None if there is none.
        fields: All fields of the line, as they were logged.
    """

    time: datetime | None
    level: str
    message: str
    trace: str | None
    fields: Mapping[str, Json] = field(repr=False)

    def rows(self) -> list[str]:
        """The line for a person: one row, and the rows of its trace."""
        time = "" if self.time is None else f"{self.time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        facts = " ".join(
            f"{name}={value}" for name, value in self.fields.items() if name not in _SHOWN and _is_fact(name, value)
        )
        head = display.line(f"{self.message}  {facts}" if facts else self.message)
        trace = [] if self.trace is None else display.plain(self.trace).rstrip("\n").split("\n")
        return [f"{time:23}  {display.line(self.level):<7}  {head}", *(f"    {row}" for row in trace)]


class LogSource(Protocol):
    """Where the lines are."""

    @property
    def place(self) -> str:
        """The place, for a message."""

    def new_lines(self) -> list[LogLine]:
        """The lines since the call before, by time."""


def source_of(stack: Stack, job_id: JobId) -> LogSource:
    """The log lines about a job of a stack.

    Raises:
        ConfigurationError: The stack does not say where its logs are, or boto3 is not installed.
    """
    if stack.is_local:
        if stack.file is None:
            raise ConfigurationError("expected a stack file, and found none; start the stack again")
        return LocalLogs(stack.file.parent / FOLDER, job_id)
    if not stack.log_groups:
        raise ConfigurationError("the stack's outputs have no LogGroups; deploy it with this version")
    return CloudWatchLogs(_client(stack.region), stack.log_groups, job_id)


class LocalLogs:
    """The files `*.jsonl` that a local stack writes."""

    def __init__(self, folder: Path, job_id: JobId) -> None:
        self._folder = folder
        self._job_id = job_id
        self._needle = job_id.encode()
        self._offsets: dict[Path, int] = {}  # bytes that were read before

    @property
    def place(self) -> str:
        return str(self._folder)

    def new_lines(self) -> list[LogLine]:
        """The lines since the call before, by time.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        try:
            texts = [text for file in sorted(self._folder.glob("*.jsonl")) for text in self._new_texts(file)]
        except OSError as exc:
            raise ConfigurationError(f"{exc.filename} cannot be read ({exc.strerror})") from exc
        return in_order(parse_line(text, self._job_id) for text in texts)

    def _new_texts(self, file: Path) -> list[bytes]:
        texts = []
        with file.open("rb") as opened:
            offset = self._offsets.get(file, 0)
            if opened.seek(0, SEEK_END) < offset:  # the file was replaced
                offset = 0
            opened.seek(offset)
            for text in opened:
                if not text.endswith(b"\n"):  # the line is not written completely yet
                    break
                offset += len(text)
                if self._needle in text:  # parsing every line of a large file would take long
                    texts.append(text)
        self._offsets[file] = offset
        return texts


class CloudWatchLogs:
    """The log groups of a deployed stack's functions. `client` is a boto3 client of CloudWatch Logs.

    Source: Amazon CloudWatch Logs API Reference, FilterLogEvents; User Guide, "Filter pattern syntax" (JSON).
    """

    def __init__(self, client: Any, groups: Iterable[str], job_id: JobId) -> None:
        self._client = client
        self._groups = tuple(groups)
        self._job_id = job_id
        self._since = datetime.now(UTC) - RETENTION
        self._seen: set[str] = set()

    @property
    def place(self) -> str:
        return f"CloudWatch Logs ({', '.join(self._groups)})"

    def new_lines(self) -> list[LogLine]:
        """The lines since the call before, by time.

        Raises:
            ConfigurationError: There are no AWS credentials, or a log group does not exist.
            NotAuthorized: The AWS credentials do not allow logs:FilterLogEvents.
            Unreachable: CloudWatch Logs does not answer.
        """
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            return in_order([line for group in self._groups for line in self._of_group(group)])
        except NoCredentialsError:
            raise ConfigurationError(NO_CREDENTIALS) from None
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code == "ResourceNotFoundException":
                raise ConfigurationError(f"a log group was not found: {message}; deploy the stage again") from error
            raise NotAuthorized(
                f"CloudWatch Logs refused: {message} ({code}); the credentials need logs:FilterLogEvents"
            ) from error
        except BotoCoreError as error:
            raise Unreachable(f"no answer from CloudWatch Logs ({type(error).__name__})") from error

    def _of_group(self, group: str) -> Iterable[LogLine | None]:
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            filterPattern=f'{{ $.job_id = "{self._job_id}" }}',
            startTime=int(self._since.timestamp() * 1000),
        )
        for page in pages:
            for event in page["events"]:
                if event["eventId"] not in self._seen:
                    self._seen.add(event["eventId"])
                    yield parse_line(event["message"].encode(), self._job_id)


def parse_line(text: bytes, job_id: JobId) -> LogLine | None:
    """A line about this job; None if it is about something else, or not a line of this form."""
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    if not isinstance(fields, dict) or fields.get("job_id") != job_id:
        return None
    trace = fields.get("trace", fields.get("stackTrace"))
    return LogLine(
        time=_time(fields.get("time", fields.get("timestamp"))),
        level=str(fields.get("level", "")),
        message=str(fields.get("message", "")),
        trace="\n".join(map(str, trace)) if isinstance(trace, list) else None if trace is None else str(trace),
        fields=fields,
    )


def in_order(lines: Iterable[LogLine | None]) -> list[LogLine]:
    """The lines by time; lines without a time come first."""
    earliest = datetime.min.replace(tzinfo=UTC)
    return sorted((line for line in lines if line is not None), key=lambda line: line.time or earliest)


def _time(value: object) -> datetime | None:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _is_fact(name: str, value: object) -> bool:
    return isinstance(value, str | int | float) and not _NOT_A_FACT.fullmatch(name)


def _client(region: str) -> Any:
    try:
        import boto3
    except ModuleNotFoundError:
        raise ConfigurationError("reading CloudWatch Logs needs boto3; run `pip install boto3`") from None
    return boto3.client("logs", region_name=region)
