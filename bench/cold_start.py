"""Measures the cold start of each handler, from the zip that is deployed, beside a bare handler and the naive form.

Run as `python -m bench.cold_start` in the repository's root. Each measurement is a fresh process that sees the
unpacked zip and what Lambda's runtime has, does what the handler's first invocation does before it can work, and
says how long that took and how much memory it has had. The bare handler is Chalice's, without work. The naive form is
one module that imports all of it at the top, from a zip without bytecode, as Chalice packages it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import boto3

from infrastructure.bundle import build

ROOT: Final = Path(__file__).resolve().parent.parent
RUNS: Final = 10
RUNTIME_HAS: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
READY: Final[Mapping[str, str]] = {
    "bare": (
        "import chalice; app = chalice.Chalice(app_name='bare'); "
        "app.lambda_function(name='bare')(lambda event, context: event)"
    ),
    "authorizer": "import app, chalicelib.api.authorizer; app.composition.token_verifier()",
    "status_relay": "import app; app.composition.relay()",
    "job_failed": "import app, chalicelib.supervision.diagnosis; app.composition.supervisor()",
    "sweep": "import app; app.composition.swept(); app.composition.supervisor()",
    "inference": "import app, chalicelib.jobs.dispatch; app.composition.job_runner()",
}
NAIVE: Final = "; ".join(line for name, line in READY.items() if name != "bare")
TARGETS: Final = {"authorizer": 1 / 4, "status_relay": 1 / 2}  # at most, of the naive form
MEASURE: Final = """
import sys, time
sys.path[:0] = [{task!r}, {runtime!r}]
began = time.perf_counter()
{ready}
took = time.perf_counter() - began
import json, re
heavy = sorted(name for name in ("gql", "aiohttp") if name in sys.modules)
# Not getrusage: its peak includes the process that this one was forked from.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024
print(json.dumps([took * 1000, peak, heavy]))
"""
ENVIRONMENT: Final = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "LONGCALL_LEDGER": "dynamodb:jobs",
    "LONGCALL_API_URL": "https://api.invalid/graphql",
    "LONGCALL_ISSUER": "https://issuer.invalid/pool",
    "LONGCALL_DENIED_FIELDS": "Mutation.updateStatus",
    "LONGCALL_CLIENT_ID": "client",
}


@dataclass(frozen=True, slots=True)
class Form:
    """One way to start: the code that runs before an invocation can begin, and its folder."""

    ready: str
    task: Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of a cold start. `heavy` are the modules of gql and aiohttp that were imported."""

    milliseconds: float
    mebibytes: float
    heavy: tuple[str, ...]


def main() -> int:
    """Measure, print a table, and report whether the targets are met.

    Returns:
        0 if they are.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        compiled, plain, runtime = (Path(folder, name) for name in ("compiled", "plain", "runtime"))
        package = build(ROOT, Path(folder), stage="bench")
        for place in (compiled, plain):
            with zipfile.ZipFile(package.archive) as zipped:
                zipped.extractall(place)
        for cache in plain.rglob("__pycache__"):
            shutil.rmtree(cache)
        _link_runtime(runtime)
        forms = {name: Form(line, compiled) for name, line in READY.items()} | {"naive": Form(NAIVE, plain)}
        costs = measure(forms, runtime, runs)
    return report(costs)


def measure(forms: Mapping[str, Form], runtime: Path, runs: int) -> dict[str, Cost]:
    """Medians of this number of rounds, after one that warms the disk cache; each round starts every form once."""
    found: dict[str, list[Any]] = {name: [] for name in forms}
    for _ in range(runs + 1):
        for name, form in forms.items():
            script = MEASURE.format(task=str(form.task), runtime=str(runtime), ready=form.ready)
            # -B: Lambda's code folder is read-only, so compiled files are not kept.
            command = [sys.executable, "-B", "-I", "-S", "-c", script]
            done = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True)  # noqa: S603
            found[name].append(json.loads(done.stdout))
    return {
        name: Cost(median(it[0] for it in results[1:]), median(it[1] for it in results[1:]), tuple(results[0][2]))
        for name, results in found.items()
    }


def report(costs: Mapping[str, Cost]) -> int:
    """Print the table. Returns the exit code."""
    bare, naive = costs["bare"], costs["naive"]
    rows = [f"{'handler':<14}{'ms':>8}{'of naive':>10}{'of bare':>9}{'MiB':>8}{'of naive':>10}{'of bare':>9}  imports"]
    for name, cost in costs.items():
        row = f"{name:<14}"
        for spent, of_naive, of_bare in (
            (cost.milliseconds, naive.milliseconds, bare.milliseconds),
            (cost.mebibytes, naive.mebibytes, bare.mebibytes),
        ):
            row += f"{spent:>8.1f}{spent / of_naive:>10.2f}{spent / of_bare:>9.2f}"
        rows.append(f"{row}  {' '.join(cost.heavy) or '-'}")
    sys.stdout.write("\n".join(rows) + "\n")
    missed = [
        f"{name} has to take at most {most:.2f} of the naive form, and takes more"
        for name, most in TARGETS.items()
        if costs[name].milliseconds > most * naive.milliseconds
    ]
    missed += [f"{name} imports {' and '.join(costs[name].heavy)}" for name in TARGETS if costs[name].heavy]
    sys.stdout.write("".join(f"{sentence}\n" for sentence in missed) or "targets met\n")
    return int(bool(missed))


def _link_runtime(folder: Path) -> None:
    """The packages that Lambda's Python has in addition to the standard library, from this environment."""
    folder.mkdir()
    installed = Path(boto3.__file__).parents[1]
    for name in RUNTIME_HAS:
        source = installed / name if (installed / name).exists() else installed / f"{name}.py"
        (folder / source.name).symlink_to(source)


if __name__ == "__main__":
    sys.exit(main())
