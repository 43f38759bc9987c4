"""The Chalice app: one decorated handler for each Lambda function.

All functions load this module, so it imports as little as possible. A handler imports what it needs itself.
"""

import os
import time
from datetime import UTC, datetime
from typing import Any

from chalice.app import Chalice

from chalicelib import composition

Payload = dict[str, Any]

app = Chalice(app_name="longcall")


@app.lambda_function(name="inference")
def inference(event: Payload, context: Any) -> None:
    """Run one job. `startInference` invokes it asynchronously."""
    from chalicelib.jobs.dispatch import parse_dispatch

    seconds_left = context.get_remaining_time_in_millis() / 1000
    composition.job_runner().run(parse_dispatch(event), request_id=context.aws_request_id, seconds_left=seconds_left)


@app.lambda_function(name="status_relay")
def status_relay(event: Payload, context: Any) -> Payload:  # noqa: ARG001
    """Answer one GraphQL field. Reads and writes the job log."""
    return dict(composition.relay().answer(event))


@app.lambda_function(name="authorizer")
def authorizer(event: Payload, context: Any) -> Payload:  # noqa: ARG001
    """Verify a `Lambda-Auth-` token for AppSync."""
    from chalicelib.api.authorizer import authorize

    denied = composition.authorizer_settings().denied_fields
    return dict(authorize(event, composition.token_verifier(), denied_fields=denied, now=datetime.now(UTC)))


@app.lambda_function(name="job_failed")
def job_failed(event: Payload, context: Any) -> None:
    """End the job of an `inference` invocation that Lambda gave up on. It is the failure destination."""
    from chalicelib.supervision.diagnosis import failure_of

    composition.supervisor().report(failure_of(event), until=end_of(context))


@app.lambda_function(name="sweep")
def sweep(event: Payload, context: Any) -> Payload:  # noqa: ARG001
    """End or restart jobs that have been silent for too long. A schedule invokes it every minute."""
    from msgspec.structs import asdict

    ledger, thresholds = composition.swept()
    for queue in composition.dead_letters():
        queue.erase_orphans(ledger, until=end_of(context))
    return asdict(composition.supervisor().sweep(ledger, thresholds, now=datetime.now(UTC), until=end_of(context)))


def end_of(context: Any) -> float:
    """When a supervisor stops, on the clock of `time.monotonic`: one second before its invocation is cut off."""
    return time.monotonic() + float(context.get_remaining_time_in_millis()) / 1000 - 1.0


if os.environ.get("LONGCALL_STAGE") == "local":  # set by .chalice/config.json, for `chalice local` alone
    from chalicelib.debug import routes

    app.register_blueprint(routes)
