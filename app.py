"""The Chalice app: one decorated handler per Lambda function.

All functions share this module, so it imports nothing that one of them could do without; a handler imports what it
needs, and collaborators are made once and kept for warm invocations.
"""

import os
import time
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice

if TYPE_CHECKING:
    from chalicelib.api.relay import Relay
    from chalicelib.api.tokens import TokenVerifier
    from chalicelib.ledger import Ledger
    from chalicelib.objects import Objects
    from chalicelib.publisher.appsync import Endpoint
    from chalicelib.supervision.diagnosis import Patience
    from chalicelib.supervision.supervisor import Supervisor
    from chalicelib.worker.runner import JobRunner

Payload = dict[str, Any]

app = Chalice(app_name="longcall")


@app.lambda_function(name="inference")
def inference(event: Payload, context: Any) -> None:
    """Run one job. Invoked asynchronously by `startInference`."""
    from chalicelib.jobs.dispatch import parse_dispatch

    seconds_left = context.get_remaining_time_in_millis() / 1000
    job_runner().run(parse_dispatch(event), request_id=context.aws_request_id, seconds_left=seconds_left)


@app.lambda_function(name="status_relay")
def status_relay(event: Payload, context: Any) -> Payload:  # noqa: ARG001
    """Answer one GraphQL field from the job log, and write to it."""
    return dict(relay().answer(event))


@app.lambda_function(name="authorizer")
def authorizer(event: Payload, context: Any) -> Payload:  # noqa: ARG001
    """Say who a `Lambda-Auth-` token belongs to."""
    from chalicelib.api.authorizer import authorize

    return dict(authorize(event, token_verifier(), now=datetime.now(UTC)))


@app.lambda_function(name="job_failed")
def job_failed(event: Payload, context: Any) -> None:
    """End the job of an `inference` invocation that Lambda gave up on. Its failure destination."""
    from chalicelib.supervision.diagnosis import failure_of

    supervisor().report(failure_of(event), until=end_of(context))


@app.lambda_function(name="sweep")
def sweep(event: Payload, context: Any) -> None:  # noqa: ARG001
    """Look after jobs that nobody hears of any more. Invoked every minute."""
    ledger, patience = watch()
    supervisor().sweep(ledger, patience, now=datetime.now(UTC), until=end_of(context))


def end_of(context: Any) -> float:
    """When a supervisor gives up, of `time.monotonic`: a second before its invocation is cut off."""
    return time.monotonic() + float(context.get_remaining_time_in_millis()) / 1000 - 1.0


@cache
def job_runner() -> "JobRunner":
    """What `inference` works with; made once per process."""
    from chalicelib.publisher.coalescing import Pace
    from chalicelib.publisher.delivery import Backoff
    from chalicelib.publisher.publisher import Publisher
    from chalicelib.settings import WorkerSettings
    from chalicelib.worker.runner import JobRunner
    from chalicelib.workloads import registry

    settings = WorkerSettings.from_environment(os.environ)
    pace = Pace(settings.flush_policy, heartbeat=settings.heartbeat)
    return JobRunner(
        open_publisher=partial(Publisher, endpoint=endpoint(), pace=pace, backoff=Backoff()),
        load=registry.load,
        megabytes=settings.megabytes,
        objects=objects(),
    )


@cache
def supervisor() -> "Supervisor":
    """What `job_failed` and `sweep` work with; made once per process."""
    from chalicelib.publisher.delivery import Backoff
    from chalicelib.supervision.supervisor import Supervisor

    return Supervisor(endpoint(), Backoff())


@cache
def watch() -> "tuple[Ledger, Patience]":
    """What `sweep` looks at, and how patiently; made once per process."""
    from chalicelib.ledger import open_ledger
    from chalicelib.settings import SweepSettings

    settings = SweepSettings.from_environment(os.environ)
    return open_ledger(settings.ledger), settings.patience


@cache
def endpoint() -> "Endpoint":
    """Where updates are published; made once per process."""
    from chalicelib.publisher.appsync import AppSync
    from chalicelib.publisher.authorization import ApiKey, signature_of_this_function
    from chalicelib.settings import EndpointSettings

    settings = EndpointSettings.from_environment(os.environ)
    if settings.api_key is not None:
        return AppSync(settings.api_url, ApiKey(settings.api_key))
    return AppSync(settings.api_url, signature_of_this_function(settings.region))


@cache
def relay() -> "Relay":
    """What `status_relay` works with; made once per process."""
    from chalicelib.api.relay import Relay
    from chalicelib.ledger import open_ledger
    from chalicelib.settings import RelaySettings

    settings = RelaySettings.from_environment(os.environ)
    ledger = open_ledger(settings.ledger)
    return Relay(
        ledger=ledger,
        objects=objects(),
        retention=settings.retention,
        quota=settings.quota,
        lease=settings.lease,
        models=settings.models,
        flush_policy=settings.flush_policy,
        reporting=settings.reporting,
    )


@cache
def objects() -> "Objects":
    """Where that is which is too large for the log; made once per process."""
    from chalicelib.objects import open_objects
    from chalicelib.settings import ObjectSettings

    return open_objects(ObjectSettings.from_environment(os.environ).bucket)


@cache
def token_verifier() -> "TokenVerifier":
    """What `authorizer` works with; made once per process, with the issuer's keys in it."""
    from chalicelib.api.tokens import TokenVerifier
    from chalicelib.settings import AuthorizerSettings

    settings = AuthorizerSettings.from_environment(os.environ)
    return TokenVerifier(issuer=settings.issuer, jwks_url=settings.jwks_url, client_id=settings.client_id)


if os.environ.get("LONGCALL_STAGE") == "local":  # set by .chalice/config.json; no other stage has a route

    @app.route("/handlers/{name}", methods=["POST"])
    def invoke_handler(name: str) -> Any:
        """Invoke a handler with the request's JSON body as its event, in this process, where a debugger can stop it."""
        import uuid

        from chalice.app import NotFoundError
        from chalice.local import LambdaContext

        handlers = {
            "inference": inference, "status_relay": status_relay, "authorizer": authorizer, "job_failed": job_failed,
            "sweep": sweep,
        }  # fmt: skip
        if name not in handlers:
            raise NotFoundError(f"no handler {name}; the handlers are {', '.join(handlers)}")
        take_environment_of(name)
        context = LambdaContext(name, memory_size=512, max_runtime_ms=900_000)
        context.aws_request_id = str(uuid.uuid4())
        request = app.current_request
        return handlers[name](request.json_body if request else None, context)

    @app.route("/jobs/{job_id}")
    def read_job(job_id: str) -> Any:
        """The whole log of a job, whoever owns it."""
        from chalice.app import NotFoundError

        from chalicelib.api.payloads.answers import render_job
        from chalicelib.jobs.model import JobId

        take_environment_of("status_relay")
        records = relay().ledger.read(JobId(job_id), after=0, limit=1_000_000)
        if not records:
            raise NotFoundError(f"no job {job_id} in the log; `longcall list` shows yours")
        return [render_job(record) for record in records]

    def take_environment_of(handler: str) -> None:
        """Set what the running local stack gives a handler. Read at each request: a restarted stack is another."""
        import json
        from pathlib import Path

        from chalice.app import ChaliceViewError

        path = Path(os.environ.get("LONGCALL_DATA", ".longcall"), "environment.json")
        try:
            environments = json.loads(path.read_text())
        except FileNotFoundError:
            raise ChaliceViewError(f"no local stack runs on {path.parent}; start one with `longcall serve`") from None
        others = {name for environment in environments.values() for name in environment}
        wanted = dict.fromkeys(others) | environments.get(handler, {})  # None: another handler's, and not this one's
        if any(os.environ.get(name) != value for name, value in wanted.items()):
            for name, value in wanted.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
            for collaborator in (job_runner, supervisor, watch, endpoint, relay, objects, token_verifier):
                collaborator.cache_clear()
