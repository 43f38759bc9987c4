"""How the functions of a stack run in worker processes: what is imported before the fork, delays, and concurrency."""

from pathlib import Path
from typing import Final

from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.functions.delivery import Backoff
from appsync_local.functions.runtime import FunctionRuntime
from local_stack.blueprint import Blueprint
from local_stack.options import Options
from local_stack.services.bedrock import PRELOADED as PRELOADED_FOR_BEDROCK

PRELOADED: Final = (  # modules that the process imports from which workers are forked
    "chalice", "gql", "gql.transport.aiohttp", "aiohttp", "jwt", "cryptography.hazmat.primitives.asymmetric.rsa",
    "botocore.auth", "msgspec", "sqlite3", "local_stack.warm_libraries",
)  # fmt: skip
# Shorter than on Lambda, so that a developer sees the effect soon.
RETRY_DELAYS: Final = (1.0, 2.0)  # seconds; 60 and 120 on Lambda
REFUSAL_DELAYS: Final = Backoff(first=0.05, longest=5.0)  # seconds; 1 to 300 on Lambda
LEAST_CONCURRENCY: Final = 16  # invocations at once, of all functions but `inference`
JOBS_PER_INVOCATION: Final = 8  # further jobs for which one more invocation is allowed


def function_runtime(
    blueprint: Blueprint, options: Options, *, root: Path, chaos: Chaos, meter: Meter, health: Health
) -> FunctionRuntime:
    """The runtime of a blueprint's functions, not started.

    Args:
        blueprint: The stack.
        options: What `longcall serve` was asked for.
        root: The folder that handlers are imported from.
        chaos: Faults to inject.
        meter: Counts what AWS would bill.
        health: Counts errors of background work.
    """
    return FunctionRuntime(
        blueprint.functions, root=root, queue=options.data / "events.db",
        preload=PRELOADED if options.bedrock is None else (*PRELOADED, *PRELOADED_FOR_BEDROCK),
        schedules=blueprint.schedules, retry_delays=RETRY_DELAYS, refusal_delays=REFUSAL_DELAYS,
        concurrency=_unreserved_concurrency(options.jobs), chaos=chaos, meter=meter, health=health,
    )  # fmt: skip


def _unreserved_concurrency(jobs: int) -> int:
    """Invocations at once of the functions that answer fields, supervise jobs and authorize callers.

    More jobs report more often, so the number grows with theirs. Callers always have half of it for themselves.
    """
    return LEAST_CONCURRENCY + jobs // JOBS_PER_INVOCATION
