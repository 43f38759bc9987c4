"""Measures the cost of a Lambda invocation on this machine, beside a cold interpreter and a plain function call.

Without Node.js, the rows about it are left out.

Run as `python -m bench.functions` in the repository's root; prints medians, and how far each is from its target.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Final

from appsync_local.functions.node.executable import why_unusable
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.spec import FunctionSpec

LIBRARIES: Final = ("chalice", "boto3", "gql", "gql.transport.aiohttp", "aiohttp", "jwt", "cryptography.x509")
FRESH_TARGET: Final = 10.0  # ms
WARM_TARGET: Final = 0.3  # ms over the handler's own time
NODE_RUNTIME: Final = "nodejs20.x"
NODE_WARM_UP: Final = 500  # invocations after which V8 has compiled the worker

HANDLERS: Final = """
import os, time

def echo(event, context):
    return event

def end(event, context):
    os._exit(0)
"""

NODE_HANDLERS: Final = "exports.echo = async (event) => event;\n"

FORK: Final = """
import gc, os, time
gc.collect()
gc.freeze()
for _ in range({count}):
    ends, child = os.pipe()
    began = time.perf_counter()
    if os.fork() == 0:
        os.write(child, b"x")
        os._exit(0)
    os.read(ends, 1)
    print(time.perf_counter() - began)
    os.wait()
"""

EVENT: Final = {"field": "updateStatus", "arguments": {"input": {"jobId": "j" * 36, "delta": "x" * 400}}}

Row = tuple[str, Sequence[float], float | None]  # what is measured, its seconds, and the goal in milliseconds


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--fresh", type=int, default=60, help="fresh workers to measure")
    arguments.add_argument("--warm", type=int, default=5_000, help="warm invocations to measure")
    arguments.add_argument("--cold", type=int, default=5, help="cold interpreters to measure")
    chosen = arguments.parse_args()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        rows = await measure(root, fresh=chosen.fresh, warm=chosen.warm)
        cold = [cold_start(root) for _ in range(chosen.cold)]
    rows.insert(0, ("cold interpreter with the same libraries, one event", cold, None))
    rows.insert(1, ("bare fork of a process with them, to its first byte", bare_forks(chosen.fresh), None))
    rows.insert(3, ("direct call of the handler", [direct_call() for _ in range(chosen.warm)], None))
    print(f"{'':<54}{'median':>10}{'90th pct':>10}{'target':>10}   (milliseconds)")  # noqa: T201
    for name, seconds, target in rows:
        aim = "" if target is None else f"{target:>10.1f} {'met' if median(seconds) * 1000 < target else 'MISSED'}"
        print(f"{name:<54}{median(seconds) * 1000:>10.4f}{quantiles(seconds, n=10)[-1] * 1000:>10.4f}{aim}")  # noqa: T201


async def measure(root: Path, *, fresh: int, warm: int) -> list[Row]:
    """Measure with handlers that are written into the folder `root`."""
    # Each fresh worker is the first one of a separate function, so that no worker is warm.
    names = [f"fresh{number}" for number in range(fresh)]
    functions = [FunctionSpec(name, "app.echo", {}, 60.0) for name in (*names, "echo")]
    if (node_is_unusable := why_unusable(NODE_RUNTIME)) is None:
        functions.append(FunctionSpec("node", "app.echo", {}, 60.0, runtime=NODE_RUNTIME))
    (root / "app.py").write_text(HANDLERS)
    (root / "app.js").write_text(NODE_HANDLERS)
    began = time.perf_counter()
    runtime = FunctionRuntime(functions, root=root, queue=root / "queue", preload=LIBRARIES, concurrency=4)
    await runtime.start()
    started = time.perf_counter() - began
    try:
        first = [await seconds_of(lambda name=name: runtime.invoke(name, EVENT)) for name in names]  # type: ignore[misc]
        await runtime.invoke("echo", EVENT)
        again = [await seconds_of(lambda: runtime.invoke("echo", EVENT)) for _ in range(warm)]
        on_node: list[Row] = []
        if node_is_unusable is None:
            on_node = await measure_node(runtime, warm)
        accepted = [await seconds_of(lambda: runtime.enqueue("echo", EVENT)) for _ in range(warm)]
    finally:
        await runtime.stop()
    return [
        ("fresh worker, fork to result", first, FRESH_TARGET),
        ("warm invocation", again, WARM_TARGET),
        *on_node,
        ("event accepted and on disk", accepted, None),
        ("start of the runtime with the libraries (once)", [started, started], None),
    ]


async def measure_node(runtime: FunctionRuntime, warm: int) -> list[Row]:
    fresh = await seconds_of(lambda: runtime.invoke("node", EVENT))
    for _ in range(NODE_WARM_UP):
        await runtime.invoke("node", EVENT)
    again = [await seconds_of(lambda: runtime.invoke("node", EVENT)) for _ in range(warm)]
    return [
        ("fresh worker on Node.js, start to result (once)", [fresh, fresh], None),
        ("warm invocation on Node.js", again, WARM_TARGET),
    ]


async def seconds_of(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began


def cold_start(root: Path) -> float:
    imports = "; ".join(f"import {library}" for library in LIBRARIES)
    began = time.perf_counter()
    subprocess.run(  # noqa: S603  # this interpreter, code from above
        [sys.executable, "-c", f"{imports}; import app; app.echo({EVENT!r}, None)"], check=True, cwd=root
    )
    return time.perf_counter() - began


def bare_forks(count: int) -> list[float]:
    imports = "; ".join(f"import {library}" for library in LIBRARIES)
    printed = subprocess.run(  # noqa: S603  # this interpreter, code from above
        [sys.executable, "-c", f"{imports}\n{FORK.format(count=count)}"], check=True, stdout=subprocess.PIPE
    ).stdout
    return [float(line) for line in printed.split()]


def direct_call() -> float:
    namespace: dict[str, Callable[[object, object], object]] = {}
    handler = namespace.setdefault("echo", lambda event, _context: event)
    began = time.perf_counter()
    handler(EVENT, None)
    return time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(main())
