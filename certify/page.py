"""The certificate as one page of HTML that needs nothing else. Pure."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import groupby
from string import Template
from typing import Any

from certify.counts import TEXTS, Violation
from certify.pictures import heal_picture, life_picture
from certify.report import FAULTS, Certificate, duration


def page(certificate: Certificate) -> str:
    """The page."""
    data = json.loads(certificate.as_json())
    template = Template((files("certify") / "page.html").read_text("utf-8"))
    passed = certificate.passed
    return template.substitute(
        outcome="passed" if passed else "failed",
        headline="Nothing was lost" if passed else "A count is above zero",
        jobs=f"{data['jobs']:,}",
        events=f"{data['events']:,}",
        faults=f"{sum(data['faults'].values()):,}",
        heals=f"{data['heals']['count']:,}",
        heal_median=f"{data['heals']['medianMs']:,}",
        heal_p99=f"{data['heals']['p99Ms']:,}",
        shown_median=f"{data['shownAfter']['medianMs']:,}",
        shown_p99=f"{data['shownAfter']['p99Ms']:,}",
        violations="".join(_violation(violation, data["violations"][violation.value]) for violation in Violation),
        found=_found(data),
        life=_life(data["life"]),
        heal_distribution=heal_picture(data["heals"]["distribution"]),
        fault_rows=_faults(data["faults"]),
        status_rows="".join(
            _row(escape(name), _number(count), _bar(count / max(1, data["jobs"])))
            for name, count in data["statuses"].items()
        ),
        mishap_rows="".join(
            _row(escape(name), _number(each["found"]), _number(each["hitByOutages"]), _number(each["most"]))
            for name, each in data["mishaps"].items()
        ),
        run_rows="".join(
            _row(
                escape(run["ledger"]),
                _number(run["jobs"]),
                _number(run["events"]),
                _number(run["attempts"]),
                f"{run['clients']} in {run['processes']}",
                f"{run['owners']} of {run['quota']}",
                duration(sum(run["seconds"].values())),
            )
            for run in data["runs"]
        ),
        shared=_shared(data["sharedSeconds"]),
        seed=data["seed"],
        duration=duration(data["seconds"]),
        made_at=escape(data["madeAt"]),
        command=escape(data["command"]),
        versions=escape(" · ".join(f"{name} {version}" for name, version in data["versions"].items())),
    )


def _shared(seconds: float) -> str:
    if not seconds:
        return ""
    return f". Other programs used much of the machine for {duration(seconds)}: times counted half then"


def _violation(violation: Violation, count: int) -> str:
    mark = "bad" if count else "good"
    return (
        f'<li class="{mark}"><b>{count:,}</b><div><code>{violation.value}</code>'
        f"<span>{escape(TEXTS[violation])}</span></div></li>"
    )


def _found(data: Mapping[str, Any]) -> str:
    """What was found, why the run was stopped, and what was seen last; nothing for a run that passed."""
    if data["passed"]:
        return ""
    rows = "".join(
        _row(
            f"<code>{escape(each['violation'])}</code>",
            f"<code>{escape(each['subject'])}</code>",
            escape(each["detail"]),
        )
        for each in data["findings"]
    )
    lines = [*(f"Stopped early: {reason}" for reason in data["stopped"]), *data["lastSeen"]]
    seen = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f'<h2>What was found</h2><div class="scroll"><table><tr><th>count</th><th>job or owner</th><th></th></tr>{rows}'
        f"</table></div>{f'<ul>{seen}</ul>' if seen else ''}"
    )


def _life(life: Mapping[str, Any] | None) -> str:
    if life is None:
        return '<p class="soft">No watcher of this run was recorded to its end.</p>'
    entries: Sequence[Mapping[str, Any]] = life["entries"]
    lost = sum(entry["isLost"] for entry in entries)
    heals = len(life["healedAt"])
    return (
        f"<p>Job <code>{escape(life['jobId'])}</code>: {len(entries)} events were logged, {lost} of them had not "
        f"arrived when they were shown, and the watcher closed {heals} gaps by reading the log.</p>"
        f'<figure class="scroll">{life_picture(life)}</figure>'
        '<p class="key"><span class="dot logged"></span>logged <span class="dot arrived"></span>push arrived '
        '<span class="cross">✕</span>no push had arrived <span class="dot shown"></span>shown '
        '<span class="dash"></span>gap closed by reading the log</p>'
    )


def _faults(faults: Mapping[str, int]) -> str:
    """One row for each fault, below the name of its kind."""
    most = max(faults.values(), default=1)
    known = {fault.name: fault for fault in FAULTS}
    ordered = [fault for fault in FAULTS if fault.name in faults]
    rows = []
    for kind, group in groupby(ordered, lambda fault: fault.kind):
        rows.append(f'<tr class="kind"><th colspan="4">{escape(kind)}</th></tr>')
        rows += [_fault(fault.name, fault.text, faults[fault.name], most) for fault in group]
    rows += [_fault(name, "", count, most) for name, count in faults.items() if name not in known]
    return "".join(rows)


def _fault(name: str, text: str, count: int, most: int) -> str:
    return _row(f"<code>{escape(name)}</code>", escape(text), _number(count), _bar(count / most))


def _number(count: int) -> str:
    return f'<span class="number">{count:,}</span>'


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"


def _bar(share: float) -> str:
    return f'<i style="width:{max(0.5, share * 100):.1f}%"></i>'
