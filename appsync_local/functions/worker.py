"""One worker: a process that has the environment and the handler of one function, and serves one event at a time.

It runs in a process just forked from the fork server, and uses the standard library only.
"""

import ctypes
import gc
import importlib
import json
import logging
import math
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NoReturn, cast

from appsync_local.functions import log_format
from appsync_local.functions.frames import Frame, Kind, incoming, send

RESPONSE_LIMIT: Final = 6_291_556  # bytes; Source: Lambda Developer Guide, "Lambda quotas", and the error's own text
_PR_SET_PDEATHSIG: Final = 1  # Source: prctl(2)
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_NOT_THE_HANDLERS: Final = {__file__, importlib.__file__}

Handler = Callable[[object, "LambdaContext"], object]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the fork server needs to start a worker of any function.

    Attributes:
        preload: Modules to import beforehand.
        path: Where modules are found besides the standard library; None: where this Python finds them.
        functions: By name.
    """

    preload: list[str]
    path: list[str] | None
    functions: dict[str, "Launch"]

    @classmethod
    def from_json(cls, body: bytes) -> "WorkerSettings":
        found = json.loads(body)
        functions = {name: Launch(**launch) for name, launch in found["functions"].items()}
        return cls(found["preload"], found["path"], functions)


@dataclass(frozen=True, slots=True)
class Launch:
    """What a worker needs to know about its function.

    Attributes:
        name: The function.
        handler: Its handler.
        environment: The complete environment, except for the name of the log stream.
        memory_mb: Reported to the handler.
        arn: Of the function.
        log_group: Of the function.
        root: Folder the handler's module is imported from, or a link to it.
        command: The program that serves the events, with its arguments; empty: Python, in the forked process.
    """

    name: str
    handler: str
    environment: dict[str, str]
    memory_mb: int
    arn: str
    log_group: str
    root: str
    command: list[str]


class LambdaContext:
    """The handler's second argument.

    Source: Lambda Developer Guide, "Using the Lambda context object to retrieve Python function information".
    """

    function_version: Final = "$LATEST"
    client_context: Final = None
    identity: Final = None

    def __init__(self, launch: Launch, request_id: str, deadline: float, log_stream_name: str) -> None:
        self.function_name = launch.name
        self.invoked_function_arn = launch.arn
        self.memory_limit_in_mb = str(launch.memory_mb)  # a string on AWS too
        self.aws_request_id = request_id
        self.log_group_name = launch.log_group
        self.log_stream_name = log_stream_name
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return max(0, math.floor((self._deadline - time.monotonic()) * 1000))

    def log(self, message: str) -> None:
        sys.stdout.write(str(message))


class Unusable(Exception):
    """The handler cannot be found. `error_type` is AWS's name for the reason."""

    def __init__(self, error_type: str, message: str, trace: list[str]) -> None:
        self.error_type = error_type
        self.trace = trace
        super().__init__(message)


def run(launch: Launch, connection: socket.socket, output: int, parent: int, lifeline: int) -> NoReturn:
    """Serve events until the engine closes the connection.

    Args:
        launch: The function.
        connection: To the engine.
        output: Write end of the pipe that becomes standard output and standard error.
        parent: Process id of the fork server. The worker ends when the fork server does.
        lifeline: Read end of a pipe that is closed when the fork server ends.
    """
    status = 1
    try:
        if not die_with(parent):
            threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
        log_stream = _prepare(launch, output)
        status = _serve(launch, connection, log_stream)
    except SystemExit as stop:
        status = _exit_status(stop)
    except BaseException:  # any error ends the process, as on AWS
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status & 0xFF)


def die_with(parent: int) -> bool:
    """End this process when the fork server ends, even while a handler runs. The fork server ends with the engine.

    Returns:
        Whether the system does it; it does on Linux.
    """
    if _LIBC is None:
        return False
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above took effect
        os._exit(1)
    return True


def _end_with(lifeline: int) -> None:
    select.select([lifeline], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def new_log_stream() -> str:
    """The name of a worker's log stream, in Lambda's form."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"


def _prepare(launch: Launch, output: int) -> str:
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    # Buffered by line, so that output printed before a crash is not lost.
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    log_stream = new_log_stream()
    os.environ.clear()
    os.environ.update(launch.environment, AWS_LAMBDA_LOG_STREAM_NAME=log_stream)
    time.tzset()
    root = os.path.realpath(launch.root)  # resolve a link once, so that later imports come from the same copy
    os.chdir(root)
    if sys.path[0] != root:
        sys.path.insert(0, root)
    sys.argv = [launch.handler]
    importlib.invalidate_caches()
    log_format.configure(os.environ, logging.StreamHandler(sys.stdout))
    gc.enable()
    return log_stream


def _serve(launch: Launch, connection: socket.socket, log_stream: str) -> int:
    try:
        handler = find_handler(launch.handler)
    except Unusable as unusable:
        _report(connection, error_payload(unusable.error_type, str(unusable), unusable.trace))
        return 1
    except Exception as error:
        _report(connection, error_payload(type(error).__name__, str(error), _trace(error)))
        return 1
    send(connection, Kind.STARTED)
    for _, event in incoming(connection):
        message = json.loads(event)
        context = LambdaContext(launch, message["request_id"], message["deadline"], log_stream)
        kind, body = answer(handler, message["event"], context)
        # The engine relies on this order: output reaches the pipe before the answer reaches the socket.
        sys.stdout.flush()
        sys.stderr.flush()
        send(connection, kind, body)
    return 0


def find_handler(name: str) -> Handler:
    """Import a handler named as `module.attribute`.

    Raises:
        Unusable: The name is malformed, the attribute is missing, or the module cannot be imported.
        Exception: Any other error that the module raises while it is imported.
    """
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise Unusable("Runtime.MalformedHandlerName", f"Bad handler '{name}': expected module.attribute", [])
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise Unusable("Runtime.ImportModuleError", message, _trace(error)) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        where = [f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").rstrip()}\n']
        raise Unusable("Runtime.UserCodeSyntaxError", message, where) from error
    try:
        return cast("Handler", getattr(module, attribute))
    except AttributeError as error:
        message = f"Handler '{attribute}' missing on module '{module_name}'"
        raise Unusable("Runtime.HandlerNotFound", message, []) from error


def answer(handler: Handler, event: object, context: LambdaContext) -> Frame:
    """The frame that answers one event: the result, or the error that the handler raised."""
    request_id = context.aws_request_id
    try:
        result = handler(event, context)
    except Exception as error:
        return _failure(error_payload(type(error).__name__, str(error), _trace(error), request_id))
    try:
        body = _encode(result).encode()
    except Exception as error:
        message = f"Unable to marshal response: {error}"
        return _failure(error_payload("Runtime.MarshalError", message, [], request_id))
    if len(body) > RESPONSE_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
        return _failure(error_payload("Function.ResponseSizeTooLarge", message, [], request_id))
    return Kind.RESULT, body


def error_payload(error_type: str, message: str, trace: list[str], request_id: str = "") -> Mapping[str, object]:
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def _failure(error: Mapping[str, object]) -> Frame:
    sys.stderr.write(log_format.error_line(error, os.environ))
    return Kind.ERROR, json.dumps(error).encode()


def _report(connection: socket.socket, error: Mapping[str, object]) -> None:
    kind, body = _failure(error)
    sys.stderr.flush()
    send(connection, kind, body)


def _decimal(found: object) -> object:
    """Encode DynamoDB's numbers, as Lambda's runtime does. Other types that JSON lacks are errors."""
    if isinstance(found, Decimal):
        return int(found) if found == found.to_integral_value() else float(found)
    raise TypeError(f"Object of type {type(found).__name__} is not JSON serializable")


_encode: Final = json.JSONEncoder(default=_decimal, allow_nan=False, separators=(",", ":")).encode


def _trace(error: BaseException) -> list[str]:
    """The frames of the handler's code, without those of the engine and of the import system."""
    frames = traceback.extract_tb(error.__traceback__)
    return traceback.format_list(
        [
            frame
            for frame in frames
            if frame.filename not in _NOT_THE_HANDLERS and not frame.filename.startswith("<frozen importlib")
        ]
    )


def _exit_status(stop: SystemExit) -> int:
    match stop.code:
        case None:
            return 0
        case int(code):
            return code
        case text:
            sys.stderr.write(f"{text}\n")
            return 1
