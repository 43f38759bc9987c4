"""The switch over HTTP: `GET /chaos` shows the faults, `PUT /chaos` sets them."""

import logging
from collections.abc import Collection
from typing import Final

from appsync_local.devtools.chaos.spec import ChaosInvalid, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.pages import Page, PageRequest, json_page

CHAOS_PATH: Final = "/chaos"

log = logging.getLogger("appsync_local")


class ChaosPage:
    """Shows and sets the faults of a switch.

    The body of a PUT is a specification as text; empty for no faults. The answer is JSON: `spec` and `counts` by
    fault, or `error`, one sentence.
    """

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos

    @property
    def paths(self) -> Collection[str]:
        """See `PageProvider`."""
        return (CHAOS_PATH,)

    async def answer(self, request: PageRequest) -> Page:
        """See `PageProvider`."""
        if request.method == "PUT":
            try:
                self._chaos.apply(parse_chaos(request.body.decode("utf-8", "replace").strip()))
            except ChaosInvalid as error:
                return json_page({"error": str(error)}, 400)
            log.warning("chaos: %s", self._chaos.spec if not self._chaos.spec.is_calm else "off")
        elif request.method != "GET":
            return json_page({"error": f"expected GET or PUT at {CHAOS_PATH}, not {request.method}"}, 405)
        counts = {fault.value: count for fault, count in sorted(self._chaos.counts.items())}
        return json_page({"spec": str(self._chaos.spec), "counts": counts})
