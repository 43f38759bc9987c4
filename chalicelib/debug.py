"""Routes of `chalice local --stage local`: invoke a handler with any event, and read a job's whole log.

They work beside a running local stack, on its job log and against its API, so that a debugger can stop in a handler.
No other stage registers them, and no Lambda package contains this module.
"""

import json
import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Blueprint, ChaliceViewError, NotFoundError, Request, Response
from chalice.local import LambdaContext

from chalicelib import composition
from chalicelib.api.payloads.answers import render_job
from chalicelib.jobs.model import JobId

WHOLE_LOG = 1_000_000  # records
OWN_SITES = ("same-origin", "none")  # of `Sec-Fetch-Site`
routes = Blueprint(__name__)


@routes.middleware("http")
def refuse_other_sites(request: Request, respond: Callable[[Request], Any]) -> Any:
    """Refuse requests of web pages: these routes run code and show every job, and only programs use them.

    The name of a foreign site can be made to resolve to this machine, so the host is checked too.
    """
    headers = request.headers
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    if not (host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host)):
        return _forbidden(f"expected the host localhost, and found {host!r}; use http://localhost and the port")
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in OWN_SITES:
        return _forbidden("expected a request from a program, such as curl, and found one from a web page")
    return respond(request)


def _forbidden(message: str) -> Response:
    return Response({"Code": "ForbiddenError", "Message": message}, status_code=403)


@routes.route("/handlers/{name}", methods=["POST"])
def invoke_handler(name: str) -> Any:
    """Invoke a handler in this process, with the JSON body of the request as its event."""
    handlers: dict[str, Callable[[Any, LambdaContext], object]] = {
        function.name: function.func for function in routes.current_app.pure_lambda_functions
    }
    if name not in handlers:
        raise NotFoundError(f"there is no handler {name}; the handlers are {', '.join(handlers)}")
    take_environment_of(name)
    context = LambdaContext(name, memory_size=512, max_runtime_ms=900_000)
    context.aws_request_id = str(uuid.uuid4())
    request = routes.current_request
    return handlers[name](request.json_body if request else None, context)


@routes.route("/jobs/{job_id}")
def read_job(job_id: str) -> Any:
    """All records of a job of any owner."""
    take_environment_of("status_relay")
    records = composition.relay().ledger.read(JobId(job_id), after=0, limit=WHOLE_LOG)
    if not records:
        raise NotFoundError(f"there is no job {job_id} in the log; `longcall list` shows your jobs")
    return [render_job(record) for record in records]


def take_environment_of(handler: str) -> None:
    """Set the variables that the running local stack gives a handler.

    The file is read at each request, because a restarted stack has other addresses and keys.

    Raises:
        ChaliceViewError: No local stack uses the data folder.
    """
    path = Path(os.environ.get("LONGCALL_DATA", ".longcall"), "environment.json")
    try:
        environments = json.loads(path.read_text())
    except FileNotFoundError:
        raise ChaliceViewError(
            f"no local stack runs on the folder {path.parent}; start one with `longcall serve`"
        ) from None
    others = {name for environment in environments.values() for name in environment}
    wanted = dict.fromkeys(others) | environments.get(handler, {})  # None: a variable of other handlers only
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        composition.reset()
