"""Serves the requests of moto's DynamoDB one after another.

DynamoDB checks a condition and writes in one step. moto does this in two steps without a lock, so with several threads
two conditional writes could both succeed.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class OneAtATime:
    """A WSGI application that handles one request at a time, in threads of any number."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with self._lock:
            return [b"".join(self._application(environ, start_response))]
