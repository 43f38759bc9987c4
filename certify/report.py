"""The certificate as JSON, and as lines for a terminal. Pure."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from certify.counts import Violation
from certify.examination import Outcome

HEAL_LIMITS: Final = (310, 350, 400, 500, 700, 1_000, 2_000, 5_000, 10_000, None)  # milliseconds
DETAILS: Final = 50  # findings with details; all are counted


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is injected, of a kind of faults."""

    name: str
    kind: str
    text: str


FAULTS: Final = (
    Fault("drop", "pushes", "pushes that never arrived"),
    Fault("after_start_ack", "pushes", "pushes lost right after a subscription was acknowledged"),
    Fault("duplicate", "pushes", "pushes that came twice"),
    Fault("reorder", "pushes", "pushes that were overtaken"),
    Fault("delay", "pushes", "pushes that were late"),
    Fault("disconnect", "pushes", "sockets cut instead of a push"),
    Fault("crash", "invocations", "invocations whose process was killed by the engine"),
    Fault("twice", "invocations", "events delivered twice"),
    Fault("throttle", "invocations", "attempts refused for now"),
    Fault("lost_answer", "requests of workers", "updates carried out whose answer was lost"),
    Fault("5xx", "requests of workers", "updates answered with 503"),
    Fault("worker_killed", "kills", "workers killed with SIGKILL"),
    Fault("relay_killed", "kills", "writers of the log killed with SIGKILL"),
    Fault("relay_killed_after_record", "kills", "writers killed between a record and its projection"),
    Fault("stack_killed", "kills", "the whole stack killed, and started again"),
    Fault("deployed", "deployments", "the handlers replaced by their next version"),
    Fault("rolled_back", "deployments", "the handlers replaced by the version before"),
    Fault("written_by_next_version", "deployments", "records with a field that the version before does not know"),
    Fault("start_cut_off", "records of dead processes", "jobs that were opened and never dispatched"),
    Fault(
        "worker_vanished", "records of dead processes", "jobs that were claimed by a worker that nobody heard of again"
    ),
    Fault("token_expired", "tokens", "tokens that expired while a job was watched, and were refused"),
    Fault("dynamodb_failed", "DynamoDB", "calls of DynamoDB answered with 500"),
    Fault("dynamodb_answer_lost", "DynamoDB", "calls of DynamoDB carried out whose answer was lost"),
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The results of all campaigns.

    Attributes:
        command: The command that repeats the run.
        seconds: From the first start to the last check.
        versions: Versions of everything that took part, by name.
    """

    outcomes: Sequence[Outcome]
    jobs: int
    events: int
    seed: int
    command: str
    made_at: datetime
    seconds: float
    versions: Mapping[str, str]

    @property
    def violations(self) -> dict[str, int]:
        counts = Counter(finding.violation for outcome in self.outcomes for finding in outcome.findings)
        return {violation.value: counts[violation] for violation in Violation}

    @property
    def passed(self) -> bool:
        return not any(self.violations.values())

    def as_json(self) -> str:
        faults, statuses, retries, watchers = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
        heals = [ms for outcome in self.outcomes for ms in outcome.heals_ms]
        for outcome in self.outcomes:
            faults += outcome.faults
            statuses += outcome.statuses
            retries += outcome.retries
            watchers += outcome.watchers
        return json.dumps(
            {
                "certificate": "longcall",
                "passed": self.passed,
                "violations": self.violations,
                "jobs": self.jobs,
                "events": sum(outcome.events for outcome in self.outcomes),
                "attempts": sum(outcome.attempts for outcome in self.outcomes),
                "watchers": dict(watchers.most_common()),
                "faults": _known_first(faults),
                "heals": {**_times(heals), "distribution": distribution(heals)},
                "life": _life(self.outcomes),
                "shownAfter": _times([ms for outcome in self.outcomes for ms in outcome.late_ms]),
                "statuses": dict(statuses.most_common()),
                "stopped": [outcome.stopped for outcome in self.outcomes if outcome.stopped],
                "lastSeen": [line for outcome in self.outcomes for line in outcome.last_seen],
                "mishaps": _mishaps(self.outcomes),
                "clientRetries": dict(retries.most_common()),
                "seed": self.seed,
                "eventsAskedFor": self.events,
                "seconds": round(self.seconds, 1),
                "sharedSeconds": max((outcome.shared_seconds for outcome in self.outcomes), default=0.0),
                "madeAt": self.made_at.isoformat(timespec="seconds"),
                "versions": dict(self.versions),
                "command": self.command,
                "runs": [_run(outcome) for outcome in self.outcomes],
                "findings": [
                    {
                        "run": outcome.campaign.store.value,
                        "violation": finding.violation.value,
                        "subject": finding.subject,
                        "detail": finding.detail,
                    }
                    for outcome in self.outcomes
                    for finding in outcome.findings[:DETAILS]
                ],
            },
            indent=2,
        )


def summary(certificate: Certificate) -> list[str]:
    """The certificate in a few lines for a terminal."""
    data = json.loads(certificate.as_json())
    heals, faults, watchers = data["heals"], sum(data["faults"].values()), Counter[str](data["watchers"])
    jobs, events, seed, seconds = data["jobs"], data["events"], data["seed"], data["seconds"]
    lines = [
        f"{jobs:,} jobs, {events:,} events, {faults:,} faults, seed {seed}, in {duration(seconds)}",
        f"watchers: {watchers['python']:,} in Python, {watchers['typescript']:,} in TypeScript",
        f"{heals['count']:,} gaps healed: median {heals['medianMs']:,} ms, 99th percentile {heals['p99Ms']:,} ms",
        *(f"{name:<20} {count:,}" for name, count in data["violations"].items()),
    ]
    if data["sharedSeconds"]:
        shared = duration(data["sharedSeconds"])
        lines.append(f"other programs used much of this machine for {shared}: times counted half then")
    if certificate.passed and events < jobs * certificate.events:
        lines.append(f"fewer than {certificate.events} events a job: this machine was too busy to make more")
    if certificate.passed:
        return [*lines, "nothing was lost"]
    found = [f"{entry['violation']}: {entry['subject']}: {entry['detail']}" for entry in data["findings"][:10]]
    stopped = [f"stopped early: {reason}" for reason in data["stopped"]]
    last = [f"not ended: {line}" for line in data["lastSeen"]]
    return [*lines, *found, *stopped, *last, f"seed {seed} failed; the same again: {data['command']}"]


def _mishaps(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    found, hit, most = Counter[str](), Counter[str](), Counter[str]()
    for outcome in outcomes:
        found.update({error.value: count for error, count in outcome.mishaps.items()})
        hit.update({error.value: count for error, count in outcome.hit.items()})
        most.update({error.value: count for error, count in outcome.most_mishaps.items()})
    return {
        error: {"found": found[error], "hitByOutages": hit[error], "most": most[error]}
        for error in sorted(found.keys() | most.keys())
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed; 0 without values."""
    ranked = sorted(values)
    return ranked[max(1, math.ceil(len(ranked) * share)) - 1] if ranked else 0.0


def _times(values: Sequence[float]) -> dict[str, float]:
    return {
        "count": len(values),
        "medianMs": round(percentile(values, 0.5)),
        "p99Ms": round(percentile(values, 0.99)),
    }


def distribution(values_ms: Sequence[float]) -> list[dict[str, int | None]]:
    """How many values are up to each limit and above the one before; the last limit, None, has the rest."""
    bins: list[dict[str, int | None]] = []
    lower = -math.inf
    for limit in HEAL_LIMITS:
        upper = math.inf if limit is None else limit
        bins.append({"upToMs": limit, "count": sum(lower < value <= upper for value in values_ms)})
        lower = upper
    return bins


def _life(outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """The most instructive life of all runs."""
    lives = [outcome.life for outcome in outcomes if outcome.life is not None]
    if not lives:
        return None
    life = max(lives, key=lambda each: each.interest)
    return {
        "jobId": life.job_id,
        "healedAt": list(life.healed_at),
        "entries": [
            {
                "sequence": entry.sequence, "attempt": entry.attempt, "status": entry.status,
                "loggedAt": entry.logged_at, "arrivedAt": list(entry.arrived_at), "shownAt": entry.shown_at,
                "isLost": entry.is_lost,
            }
            for entry in life.entries
        ],
    }  # fmt: skip


def _run(outcome: Outcome) -> dict[str, Any]:
    campaign = outcome.campaign
    return {
        "ledger": campaign.store.value, "jobs": campaign.jobs, "events": outcome.events, "attempts": outcome.attempts,
        "clients": campaign.lanes, "processes": campaign.processes, "owners": campaign.owners, "quota": campaign.quota,
        "chaos": campaign.chaos, "faults": _known_first(outcome.faults), "seconds": outcome.seconds,
        "stackStartsTook": [round(seconds, 1) for seconds in outcome.starts],
    }  # fmt: skip


def _known_first(counts: Counter[str]) -> dict[str, int]:
    plain = {str(name): count for name, count in counts.items()}
    names = [fault.name for fault in FAULTS if fault.name in plain]
    return {name: plain[name] for name in [*names, *sorted(plain.keys() - set(names))]}


def duration(seconds: float) -> str:
    """Seconds for a person."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
