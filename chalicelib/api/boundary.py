"""The last place before an answer leaves: every error becomes one of the contract, and its cause goes to the log.

A caller never sees an ARN, a table's name, a path or a message of a library.
"""

import logging
import uuid
from collections.abc import Callable

from chalicelib.api.payloads.answers import RelayAnswer, render_error
from chalicelib.jobs.dispatch import Payload
from chalicelib.jobs.errors import InternalError, JobError, LedgerUnavailable
from chalicelib.jobs.model import Json
from chalicelib.jobs.traces import trace_of
from chalicelib.ledger.outages import is_outage

log = logging.getLogger(__name__)


def contained(payload: Payload, perform: Callable[[], Json]) -> RelayAnswer:
    """What `perform` returns, or an error of the contract. Nothing is raised.

    Args:
        payload: What the resolver sent; the log names its field and its job, and nothing else of it.
        perform: Does what the payload asks for.
    """
    try:
        return {"data": perform()}
    except JobError as error:
        facts = {"event": "call_refused", "reason": type(error).__name__, **_subject(payload)}
        log.info("refused %s: %s", facts["field"], facts["reason"], extra=facts)
        return render_error(error)
    except Exception as error:
        error_id = str(uuid.uuid4())
        subject = _subject(payload)
        if is_outage(error):
            log.warning(
                "the job log cannot be reached (%s): %s",
                type(error).__name__,
                trace_of(error),
                extra={"event": "ledger_unavailable", "error_id": error_id, **subject},
            )
            return render_error(LedgerUnavailable())
        log.error(  # the traceback of `exception` has messages, which may quote what callers sent
            "%s failed, error id %s: %s",
            subject["field"],
            error_id,
            trace_of(error),
            extra={"event": "internal_error", "error_id": error_id, **subject},
        )
        return render_error(InternalError(error_id))


def _subject(payload: Payload) -> dict[str, object]:
    """The field and the job that a payload is about. It may have any shape: it has not been checked yet."""
    found: dict[str, object] = {"field": payload.get("field")}
    arguments = payload.get("arguments")
    given = arguments.get("input", arguments) if isinstance(arguments, dict) else None
    job_id = given.get("jobId") if isinstance(given, dict) else None
    if isinstance(job_id, str) and len(job_id) == len(str(uuid.UUID(int=0))):
        found["job_id"] = job_id
    return found
