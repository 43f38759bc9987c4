"""The attacked engine, in a process of its own: `python -m tests.hostile.engine_process`.

It prints its port, and then one line of JSON with its counters for each line that it reads.
"""

import asyncio
import ctypes
import gc
import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any, Final

import uvloop

from tests.hostile.application import board_engine
from tests.support.issuer import running_issuer

FAULTS_KEPT: Final = 20


class Faults(logging.Handler):
    """Records what a healthy engine never logs: entries with a trace, and errors of libraries."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        is_ours = record.name.startswith("appsync_local")
        if record.exc_info or (record.levelno >= logging.ERROR and not is_ours):
            self.count += 1
            if len(self.texts) < FAULTS_KEPT:
                self.texts.append(logging.Formatter("%(name)s: %(message)s").format(record)[-3000:])


def resident_bytes() -> int:
    """Return the resident memory, after unused memory of the C allocator was returned to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def main() -> None:
    faults = Faults()
    logging.getLogger().addHandler(faults)
    loop = asyncio.get_running_loop()

    def report_fault(_loop: object, context: dict[str, Any]) -> None:
        logging.getLogger("loop").error("%s", context["message"], exc_info=context.get("exception"))

    loop.set_exception_handler(report_fault)
    with running_issuer() as issuer:
        engine = board_engine(issuer.jwks_url)
        await engine.start(port=0)
        print(engine.graphql_url.split(":")[2].split("/")[0], flush=True)  # noqa: T201  # the protocol of this process
        while await loop.run_in_executor(None, sys.stdin.readline):
            state = {
                "connections": engine.connections,
                "subscriptions": len(engine.registry),
                "tasks": len(asyncio.all_tasks()),
                "resident": resident_bytes(),
                "faults": faults.texts,
                "fault_count": faults.count,
            }
            print(json.dumps(state), flush=True)  # noqa: T201  # as above
        await engine.stop()


if __name__ == "__main__":
    uvloop.run(main())
