"""Compares JavaScript engines to embed: cost of a call, start-up, and the effect of their limits.

    python bench/javascript.py

Installs each candidate into a directory of its own (two share a module name), measures every one in processes of
its own, and prints a table in Markdown. Medians of five runs.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CANDIDATES: Final = ("quickjs-ng==0.17.0.2", "quickjs==1.19.4", "mini-racer==0.14.1")
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS: Final = (
    ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_27_x86_64", "manylinux_2_28_x86_64"),
    ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64"),
    ("macosx_11_0_arm64", "macosx_11_0_universal2", "macosx_10_9_universal2"),
    ("win_amd64",),
)
RUNS: Final = 5
CALLS: Final = 3000
TIME_LIMIT: Final = 0.2  # seconds for the code under a time limit
MEMORY_LIMIT: Final = 32 * 1024 * 1024  # bytes
GIVE_UP: Final = 10.0  # seconds after which a limit counts as ineffective

# A typical handler of this project: it passes arguments, identity and selection to a Lambda function.
HANDLER: Final = """
function request(ctx) {
  return { operation: "Invoke", payload: { field: ctx.info.fieldName, arguments: ctx.args,
    identity: ctx.identity, selection: ctx.info.selectionSetList } };
}
function entry(text) {
  const ctx = JSON.parse(text);
  return JSON.stringify({ value: request(ctx), stash: ctx.stash });
}
"""
CONTEXT: Final = json.dumps(
    {
        "args": {"input": {"jobId": "j" * 36, "delta": "d" * 200}},
        "identity": {"resolverContext": {"sub": "s" * 36}},
        "info": {"fieldName": "updateStatus", "selectionSetList": [f"field{i}" for i in range(20)]},
        "stash": {},
        "request": {"headers": {f"header-{i}": "v" * 40 for i in range(12)}},
    }
)
PROBES: Final = {
    "endless loop": "while (true) {}",
    "catastrophic regular expression": '/(x+x+)+y/.test("x".repeat(40))',
    "endless allocation": 'const all = []; while (true) all.push("x".repeat(1000) + all.length)',
    "endless recursion": "const f = () => f() + 1; f()",
    "a native function that takes long": '"a".repeat(2e7).indexOf("a".repeat(1e6) + "b")',
}
THROWING: Final = "function deep(x) {\n  return x.a.b;\n}\ndeep({})"


@dataclass(frozen=True, slots=True)
class Adapter:
    """The three operations of an engine that the measurements use."""

    load: Callable[[], Callable[[str], Any]]
    evaluate: Callable[[str], Any]
    evaluate_within_limits: Callable[[str], Any]


def quickjs_adapter() -> Adapter:
    import quickjs  # type: ignore[import-untyped]  # the wheel has no types

    def load() -> Callable[[str], Any]:
        context = quickjs.Context()
        context.eval(HANDLER)
        entry: Callable[[str], Any] = context.get("entry")
        return entry

    def within_limits(code: str) -> Any:
        context = quickjs.Context()
        context.set_time_limit(TIME_LIMIT)
        context.set_memory_limit(MEMORY_LIMIT)
        return context.eval(code)

    return Adapter(load, lambda code: quickjs.Context().eval(code), within_limits)


def mini_racer_adapter() -> Adapter:
    from py_mini_racer import MiniRacer  # type: ignore[import-not-found]  # installed by the bench itself

    kept: list[Any] = []  # a context ends with its last reference

    def load() -> Callable[[str], Any]:
        context = MiniRacer()
        kept.append(context)
        context.eval(HANDLER)
        entry: Callable[[str], Any] = context.eval("entry")
        return entry

    def within_limits(code: str) -> Any:
        return MiniRacer().eval(code, timeout_sec=TIME_LIMIT, max_memory=MEMORY_LIMIT)

    return Adapter(load, lambda code: MiniRacer().eval(code), within_limits)


def adapter_of(candidate: str) -> Adapter:
    return mini_racer_adapter() if candidate.startswith("mini-racer") else quickjs_adapter()


def measure_calls(candidate: str) -> dict[str, float]:
    """Import and first context in milliseconds, further contexts and calls in microseconds."""
    started = time.perf_counter()
    adapter = adapter_of(candidate)
    entry = adapter.load()
    ready = time.perf_counter()
    for _ in range(20):
        adapter.load()
    loaded = time.perf_counter()
    for _ in range(CALLS):
        entry(CONTEXT)
    done = time.perf_counter()
    return {
        "start_ms": (ready - started) * 1e3,
        "context_us": (loaded - ready) / 20 * 1e6,
        "call_us": (done - loaded) / CALLS * 1e6,
    }


def measure_probe(candidate: str, probe: str) -> dict[str, object]:
    """Seconds until a probe was stopped, and the message."""
    adapter = adapter_of(candidate)
    started = time.perf_counter()
    try:
        adapter.evaluate_within_limits(PROBES[probe])
        ended = "ended by itself"
    except Exception as error:  # each engine raises its own type
        ended = str(error).strip().split("\n")[0]
    return {"seconds": time.perf_counter() - started, "ended": ended}


def measure_position(candidate: str) -> dict[str, str]:
    """The position that an exception names."""
    try:
        adapter_of(candidate).evaluate(THROWING)
    except Exception as error:
        frames = [line.strip() for line in str(error).splitlines() if "at deep" in line]
        return {"frame": frames[0] if frames else "no stack"}
    return {"frame": "no exception"}


def child(candidate: str, folder: Path, what: str, *rest: str) -> dict[str, Any] | None:
    """One measurement in a separate process; None if the process had to be killed."""
    command = [sys.executable, __file__, what, candidate, str(folder), *rest]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return {"ended": f"the process died ({done.returncode})", "seconds": 0.0}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def install(candidate: str, root: Path) -> Path:
    folder = root / candidate.split("==", 1)[0]
    pip(["install", "--quiet", "--target", str(folder), candidate], check=True)
    return folder


def pip(arguments: list[str], *, check: bool) -> int:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, check=check).returncode  # noqa: S603


def wheels(candidate: str, root: Path) -> str:
    """The Python versions with a wheel for all platforms, and those with a wheel for some platforms."""

    def exists(python: str, platforms: tuple[str, ...]) -> bool:
        tags = [part for platform in platforms for part in ("--platform", platform)]
        target = str(root / "wheels" / python / platforms[0])
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version", python, "--dest", target]
        return pip(["download", *options, *tags, candidate], check=False) == 0

    with ThreadPoolExecutor(4) as pool:
        found = {python: sum(pool.map(lambda p, v=python: exists(v, p), PLATFORMS)) for python in PYTHONS}
    return ", ".join(f"{python}: {count} of {len(PLATFORMS)}" for python, count in found.items())


def row(name: str, cells: list[str]) -> None:
    sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")


def shown(probe: dict[str, Any] | None) -> str:
    if probe is None:
        return f"**not stopped** within {GIVE_UP:g} s"
    return f"{probe['seconds']:.2f} s: {probe['ended']}"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folders = {candidate: install(candidate, root) for candidate in CANDIDATES}
        row("", list(CANDIDATES))
        row("---", ["---"] * len(CANDIDATES))
        runs = {c: [child(c, folders[c], "calls") or {} for _ in range(RUNS)] for c in CANDIDATES}
        for title, key, unit in (
            ("a call", "call_us", "µs"),
            ("a further context with its code", "context_us", "µs"),
            ("import, first context with its code", "start_ms", "ms"),
        ):
            row(title, [f"{statistics.median(run[key] for run in runs[c]):.1f} {unit}" for c in CANDIDATES])
        for probe in PROBES:
            row(probe, [shown(child(c, folders[c], "probe", probe)) for c in CANDIDATES])
        row("place of an exception", [f"`{(child(c, folders[c], 'position') or {})['frame']}`" for c in CANDIDATES])
        row("wheels for Python", [wheels(c, root) for c in CANDIDATES])


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        what, candidate, folder, *rest = sys.argv[1:]
        sys.path.insert(0, folder)
        measurements: dict[str, Callable[..., dict[str, Any]]] = {
            "calls": measure_calls,
            "probe": measure_probe,
            "position": measure_position,
        }
        sys.stdout.write(json.dumps(measurements[what](candidate, *rest)) + "\n")
