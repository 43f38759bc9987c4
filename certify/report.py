"""The certificate: as JSON, as a page, and as lines for a terminal. Pure."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

from certify.counts import TEXTS as VIOLATION_TEXTS
from certify.counts import Violation
from certify.examination import Outcome

DETAILS: Final = 50  # findings with details; all are counted

FAULT_TEXTS: Final[Mapping[str, str]] = {
    "drop": "pushes that never arrived",
    "after_start_ack": "pushes lost right after a subscription was acknowledged",
    "duplicate": "pushes that came twice",
    "reorder": "pushes that were overtaken",
    "delay": "pushes that were late",
    "disconnect": "sockets cut instead of a push",
    "crash": "invocations whose process was killed by the engine",
    "twice": "events delivered twice",
    "throttle": "attempts refused for now",
    "lost_answer": "updates carried out whose answer was lost",
    "5xx": "updates answered with 503",
    "worker_killed": "workers killed with SIGKILL",
    "relay_killed": "writers of the log killed with SIGKILL",
    "relay_killed_after_record": "writers killed between a record and its projection",
    "stack_killed": "the whole stack killed, and started again",
    "deployed": "the handlers replaced by their next version",
    "rolled_back": "the handlers replaced by the version before",
    "written_by_next_version": "records with a field that the version before does not know",
    "start_cut_off": "jobs that were opened and never dispatched",
    "worker_vanished": "jobs that were claimed by a worker that nobody heard of again",
    "dynamodb_failed": "calls of DynamoDB answered with 500",
    "dynamodb_answer_lost": "calls of DynamoDB carried out whose answer was lost",
}


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
        faults, statuses, retries = Counter[str](), Counter[str](), Counter[str]()
        for outcome in self.outcomes:
            faults += outcome.faults
            statuses += outcome.statuses
            retries += outcome.retries
        return json.dumps(
            {
                "certificate": "longcall",
                "passed": self.passed,
                "violations": self.violations,
                "jobs": self.jobs,
                "events": sum(outcome.events for outcome in self.outcomes),
                "attempts": sum(outcome.attempts for outcome in self.outcomes),
                "faults": _known_first(faults),
                "heals": _times([ms for outcome in self.outcomes for ms in outcome.heals_ms]),
                "shownAfter": _times([ms for outcome in self.outcomes for ms in outcome.late_ms]),
                "statuses": dict(statuses.most_common()),
                "stopped": [outcome.stopped for outcome in self.outcomes if outcome.stopped],
                "lastSeen": [line for outcome in self.outcomes for line in outcome.last_seen],
                "mishaps": _mishaps(self.outcomes),
                "clientRetries": dict(retries.most_common()),
                "seed": self.seed,
                "eventsAskedFor": self.events,
                "seconds": round(self.seconds, 1),
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
    heals, faults = data["heals"], sum(data["faults"].values())
    jobs, events, seed, seconds = data["jobs"], data["events"], data["seed"], data["seconds"]
    lines = [
        f"{jobs:,} jobs, {events:,} events, {faults:,} faults, seed {seed}, in {_duration(seconds)}",
        f"{heals['count']:,} gaps healed: median {heals['medianMs']:,} ms, 99th percentile {heals['p99Ms']:,} ms",
        *(f"{name:<20} {count:,}" for name, count in data["violations"].items()),
    ]
    if certificate.passed and events < jobs * certificate.events:
        lines.append(f"fewer than {certificate.events} events a job: this machine was too busy to make more")
    if certificate.passed:
        return [*lines, "nothing was lost"]
    found = [f"{entry['violation']}: {entry['subject']}: {entry['detail']}" for entry in data["findings"][:10]]
    stopped = [f"stopped early: {reason}" for reason in data["stopped"]]
    last = [f"not ended: {line}" for line in data["lastSeen"]]
    return [*lines, *found, *stopped, *last, f"seed {seed} failed; the same again: {data['command']}"]


def page(certificate: Certificate) -> str:
    """The certificate as one page of HTML that needs nothing else."""
    data = json.loads(certificate.as_json())
    template = Template((files("certify") / "page.html").read_text("utf-8"))
    most = max(data["faults"].values(), default=1)
    return template.substitute(
        outcome="passed" if certificate.passed else "failed",
        headline="Nothing was lost" if certificate.passed else "Something was lost",
        jobs=f"{data['jobs']:,}",
        events=f"{data['events']:,}",
        faults=f"{sum(data['faults'].values()):,}",
        heals=f"{data['heals']['count']:,}",
        heal_median=f"{data['heals']['medianMs']:,}",
        heal_p99=f"{data['heals']['p99Ms']:,}",
        shown_median=f"{data['shownAfter']['medianMs']:,}",
        shown_p99=f"{data['shownAfter']['p99Ms']:,}",
        violations="".join(
            _row(_code(violation.value), escape(VIOLATION_TEXTS[violation]), _zero(data["violations"][violation.value]))
            for violation in Violation
        ),
        fault_rows="".join(
            _row(_code(name), escape(FAULT_TEXTS.get(name, "")), f"{count:,}", _bar(count / most))
            for name, count in data["faults"].items()
        ),
        status_rows="".join(
            _row(escape(name), f"{count:,}", _bar(count / max(1, data["jobs"])))
            for name, count in data["statuses"].items()
        ),
        run_rows="".join(
            _row(
                escape(run["ledger"]),
                f"{run['jobs']:,}",
                f"{run['events']:,}",
                f"{run['attempts']:,}",
                f"{run['clients']} in {run['processes']}",
                f"{run['owners']} of {run['quota']}",
                _duration(sum(run["seconds"].values())),
            )
            for run in data["runs"]
        ),
        findings=_findings(data["findings"]),
        seed=data["seed"],
        duration=_duration(data["seconds"]),
        made_at=escape(data["madeAt"]),
        command=escape(data["command"]),
        versions=escape(" · ".join(f"{name} {version}" for name, version in data["versions"].items())),
    )


def _mishaps(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    found, most = Counter[str](), Counter[str]()
    for outcome in outcomes:
        found.update({error.value: count for error, count in outcome.mishaps.items()})
        most.update({error.value: count for error, count in outcome.most_mishaps.items()})
    return {error: {"found": found[error], "most": most[error]} for error in sorted(found.keys() | most.keys())}


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
    names = [name for name in FAULT_TEXTS if name in plain]
    return {name: plain[name] for name in [*names, *sorted(plain.keys() - set(names))]}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _zero(count: int) -> str:
    return f'<b class="{"bad" if count else "good"}">{count:,}</b>'


def _bar(share: float) -> str:
    return f'<i style="width:{max(0.5, share * 100):.1f}%"></i>'


def _findings(findings: Sequence[Mapping[str, str]]) -> str:
    if not findings:
        return ""
    rows = "".join(
        _row(_code(entry["violation"]), _code(entry["subject"]), escape(entry["detail"])) for entry in findings
    )
    return f"<h2>What was found</h2><table>{rows}</table>"
