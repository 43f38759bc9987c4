"""The process of moto: serves the services of the catalogue until the parent process ends.

The parent writes a JSON object to standard input: the access keys and what else `Served` has. The process prints the
port of a first server. With a listening socket, it waits for another line, serves on that socket too and prints its
port. Each later line is a JSON text: a message about a call that was refused.

Nothing in this process can connect to another machine: an audit hook refuses it, for every request.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from local_stack.addresses import LOOPBACK
from local_stack.services.aws.front import AwsFront
from local_stack.services.aws.step_functions import execute_state_machines
from local_stack.services.one_at_a_time import OneAtATime

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from botocore.awsrequest import AWSPreparedRequest

# moto checks a condition of DynamoDB and writes in two steps.
IN_ONE_STEP: Final = ("dynamodb", "dynamodbstreams")
# S3's clients put the bucket into the path, because the host is an address.
SETTINGS: Final = {"S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true", "MOTO_EVENTS_INVOKE_HTTP": "false"}


@dataclass(frozen=True, slots=True)
class Served:
    """What the process needs to know.

    Attributes:
        region: The region that signatures must name.
        keys: The secrets of access keys, by their ids.
        callers: Whose key it is, by the key's id.
        advice: What a message about a service without a local counterpart advises.
        lambda_url: Where the stack serves Lambda for state machines; None: nowhere.
    """

    region: str
    keys: Mapping[str, str]
    callers: Mapping[str, str]
    advice: str
    lambda_url: str | None = None

    def line(self) -> bytes:
        """The line of standard input."""
        return f"{json.dumps(asdict(self))}\n".encode()


class Backends:
    """moto's applications, created when they are first used."""

    def __init__(self) -> None:
        self._created: dict[str, WSGIApplication] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> "WSGIApplication":
        """The application of one of moto's services."""
        from moto.moto_server.werkzeug_app import create_backend_app

        with self._lock:
            if service not in self._created:
                created: WSGIApplication = create_backend_app(service)  # type: ignore[arg-type]  # one of the catalogue
                self._created[service] = OneAtATime(created) if service in IN_ONE_STEP else created
            return self._created[service]


def front(served: Served) -> AwsFront:
    """The application of this process."""
    return AwsFront(
        region=served.region, keys=served.keys, callers=served.callers, backend=Backends(), advice=served.advice,
        report=_print,
    )  # fmt: skip


def main(descriptor: str | None = None) -> None:
    """Serve until standard input ends, which happens when the parent process ends for any reason.

    Args:
        descriptor: A listening socket that was inherited; None: there is only the first server.
    """
    served = Served(**json.loads(sys.stdin.readline()))
    os.environ.update(SETTINGS)
    application = front(served)

    def serve_task(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        return application.from_this_process(environ, start_response)

    execute_state_machines(serve_task, lambda request: _call_lambda(request, served))
    sys.addaudithook(refuse_other_machines)
    _serve(application, None)
    if descriptor is not None and sys.stdin.readline():
        _serve(application, int(descriptor))
    sys.stdin.read()


def refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook that lets connections reach loopback addresses only.

    Raises:
        PermissionError: A connection to another address, or the look-up of another host.
    """
    match event:
        case "socket.connect" | "socket.sendto" | "socket.sendmsg" if isinstance(arguments[1], tuple):
            host = arguments[1][0]
        case "socket.getaddrinfo" | "socket.gethostbyname" | "socket.gethostbyaddr":
            host = arguments[0]
        case "socket.getnameinfo":
            host = arguments[0][0]
        case _:
            return
    if not _is_this_machine(host):
        raise PermissionError(f"moto's process may not reach {host!r}: it serves this machine only")


def _is_this_machine(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ip_address(str(name)).is_loopback
    except ValueError:
        return False


def _call_lambda(request: "AWSPreparedRequest", served: Served) -> Any:
    """Send a request of a state machine to the stack's Lambda, signed with the stack's first key."""
    from urllib.parse import urlsplit

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.httpsession import URLLib3Session

    key_id, secret = next(iter(served.keys.items()))
    kept = {name: value for name, value in request.headers.items() if name.lower().startswith(("content-t", "x-amz-i"))}
    again = AWSRequest(
        request.method, f"{served.lambda_url}{urlsplit(str(request.url)).path}", data=request.body, headers=kept
    )
    SigV4Auth(Credentials(key_id, secret), "lambda", served.region).add_auth(again)
    return URLLib3Session(timeout=900).send(again.prepare())


_printing: Final = threading.Lock()


def _print(message: str) -> None:
    with _printing:
        sys.stdout.write(f"{json.dumps(message)}\n")
        sys.stdout.flush()


def _serve(application: "WSGIApplication", descriptor: int | None) -> None:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    server = make_server(LOOPBACK, 0, application, threaded=True, fd=descriptor, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with _printing:
        sys.stdout.write(f"{server.socket.getsockname()[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
