"""A scripted runtime endpoint of Bedrock on a port of this machine.

It sends scripted replies, checks every signature, and records every request. boto3 reads bytes from a real socket.
"""

import json
import select
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any
from urllib.parse import unquote

from tests.integration.bedrock.eventstream import answer
from tests.integration.bedrock.signatures import fault_in

KEY, SECRET, REGION = "AKIDEXAMPLE", "a secret of nobody's", "us-east-1"
GATE_TIMEOUT = 30.0  # seconds that a reply waits for its test to open the gate
SUFFIX = "/converse-stream"


class Ending(Enum):
    """How a stream ends after its last event."""

    WHOLE = "the end of the body"
    CUT = "the connection is closed in the middle of a chunk"
    SILENCE = "nothing, until the client disconnects or the server is closed"


@dataclass(frozen=True)
class Streamed:
    """An answer in chunks whose sizes (bytes) repeat `sizes`. A `gate` holds back all chunks but the first."""

    events: tuple[bytes, ...]
    sizes: tuple[int, ...] = (1_000_000,)
    ending: Ending = Ending.WHOLE
    gate: threading.Event | None = None


@dataclass(frozen=True)
class Refused:
    """An HTTP error."""

    status: int
    code: str
    words: str = ""


@dataclass(frozen=True)
class HungUp:
    """No answer at all: the connection is closed."""


Reply = Streamed | Refused | HungUp


@dataclass(frozen=True)
class Received:
    """One request."""

    model: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Bedrock:
    """The requests that arrived, and the replies to send, in order; the last reply is repeated."""

    replies: list[Reply] = field(default_factory=lambda: [Streamed(answer("Hello"))])
    requests: list[Received] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # in signatures
    closing: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)  # the client of a silent answer disconnected
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def bedrock_server() -> Iterator[Bedrock]:
    """Run a server until the block ends."""
    bedrock = Bedrock()

    class Handler(_Handler):
        served = bedrock

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    bedrock.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bedrock
    finally:
        bedrock.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Bedrock
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client may disconnect at any time
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = fault_in(self.path, headers, body, key=KEY, secret=SECRET, region=REGION)
        model = unquote(self.path).removeprefix("/model/").removesuffix(SUFFIX)
        self.served.requests.append(Received(model, json.loads(body), headers))
        if fault is not None:
            self.served.faults.append(fault)
        invalid = Refused(403, "InvalidSignatureException", fault or "")
        match invalid if fault is not None else self.served.next_reply():
            case Streamed() as streamed:
                self._stream(streamed)
            case Refused() as refused:
                self._refuse(refused)
            case HungUp():
                self.close_connection = True

    def _begin(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("x-amzn-RequestId", f"request-{len(self.served.requests)}")

    def _refuse(self, refused: Refused) -> None:
        body = json.dumps({"message": refused.words}).encode()
        self._begin(refused.status, "application/json")
        self.send_header("x-amzn-ErrorType", f"{refused.code}:http://internal.amazon.com/coral/com.amazon.bedrock/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, streamed: Streamed) -> None:
        self._begin(200, "application/vnd.amazon.eventstream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, chunk in enumerate(cut(b"".join(streamed.events), streamed.sizes)):
            if number == 1 and streamed.gate is not None:
                assert streamed.gate.wait(GATE_TIMEOUT)
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        match streamed.ending:
            case Ending.WHOLE:
                self.wfile.write(b"0\r\n\r\n")
            case Ending.CUT:
                self.wfile.write(b"ff\r\nhalf")
                self.close_connection = True
            case Ending.SILENCE:
                self._keep_silent()

    def _keep_silent(self) -> None:
        """Wait until the client disconnects, which makes its socket readable, or the server closes."""
        self.close_connection = True
        while not self.served.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable:
                self.served.abandoned.set()
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Log nothing: tests read `requests`."""


def cut(content: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """The content in pieces of these sizes, over and over."""
    begin = 0
    for size in cycle(sizes):
        if begin >= len(content):
            return
        yield content[begin : begin + size]
        begin += size
