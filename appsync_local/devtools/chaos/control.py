"""The switch over HTTP: `GET /chaos` shows the faults, `PUT /chaos` sets them."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

from appsync_local.devtools.chaos.spec import ChaosInvalid, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos

CHAOS_PATH: Final = "/chaos"

log = logging.getLogger("appsync_local")


@dataclass(frozen=True, slots=True)
class ControlResponse:
    """An HTTP response; `body` is JSON: `spec` and `counts` by fault, or `error`, one sentence."""

    status: HTTPStatus
    body: bytes


def answer(chaos: Chaos, method: str, body: bytes) -> ControlResponse:
    """Answer one request.

    Args:
        chaos: The switch.
        method: GET, or PUT with a specification.
        body: The specification as text; empty for no faults.
    """
    if method == "PUT":
        try:
            chaos.apply(parse_chaos(body.decode("utf-8", "replace").strip()))
        except ChaosInvalid as error:
            return _response(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        log.warning("chaos: %s", chaos.spec if not chaos.spec.is_calm else "off")
    elif method != "GET":
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"expected GET or PUT at {CHAOS_PATH}, not {method}"})
    counts = {fault.value: count for fault, count in sorted(chaos.counts.items())}
    return _response(HTTPStatus.OK, {"spec": str(chaos.spec), "counts": counts})


def _response(status: HTTPStatus, content: dict[str, object]) -> ControlResponse:
    return ControlResponse(status, orjson.dumps(content))
