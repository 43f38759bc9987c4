"""A scripted server of OpenAI's protocol: any answer in any pieces, with failures between them."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

DONE: Final = b"data: [DONE]\n\n"


class End(Enum):
    """How a reply ends if its body does not end normally."""

    CUT = "the connection is closed in the middle"
    STALL = "nothing more comes, and the connection stays"


@dataclass(frozen=True)
class Reply:
    """One scripted answer."""

    pieces: Sequence[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    end: End | None = None


def event(*, text: str | None = None, end: str | None = None, usage: Any = None, **delta: str) -> bytes:
    """One event of a stream, as bytes: a piece of text, the finish reason, or the usage."""
    said = {"content": text} if text is not None else {}
    choices = [] if usage else [{"index": 0, "delta": {**said, **delta}, "finish_reason": end}]
    chunk = {"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    if usage:
        chunk["usage"] = usage
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def error(message: str, *, status: int = 400, headers: Mapping[str, str] | None = None, **more: object) -> Reply:
    """An answer with an error as OpenAI writes it."""
    body = json.dumps({"error": {"message": message, **more}}).encode()
    return Reply([body], status=status, headers={"Content-Type": "application/json", **(headers or {})})


def answer(*texts: str, end: str = "stop", usage: Any = None) -> Reply:
    """An answer with these texts and an end."""
    used = [event(usage=usage)] if usage else []
    return Reply([*(event(text=text) for text in texts), event(end=end), *used, DONE])


@dataclass
class Script:
    """The replies of the server in order; the last one is repeated. `requests` records what it received."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def body(self) -> dict[str, Any]:
        """The body of the newest request."""
        return self.requests[-1][2]


@contextmanager
def serving() -> Iterator[Script]:
    """Run a server on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.requests.append((self.path, {name.lower(): it for name, it in self.headers.items()}, body))
            reply = script.next()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "text/event-stream", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            match reply.end:
                case None:
                    self.wfile.write(b"0\r\n\r\n")
                case End.CUT:
                    self.close_connection = True
                case End.STALL:
                    script.over.wait(60)
                    self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # some tests disconnect the client

    server = Server(("127.0.0.1", 0), Handler)
    script = Script(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
