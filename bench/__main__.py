"""The engine against its peers: `python -m bench`, or `make bench`, which installs the peers first.

Every round starts each server once, in turn, so that what else the machine does falls on all of them alike. Only
loopback is used, and every server is ended.
"""

import argparse
import asyncio
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench import functions, jobs, report
from bench.measures import Effort, Figures, growth, measure
from bench.servers import BARE, ENGINE, PEERS, Server
from bench.without import COMPARISONS, compare

SERVERS: Final = (ENGINE, BARE, *PEERS)
SOCKETS: Final = 4096


def main() -> None:
    chosen = _arguments()
    _allow_sockets()
    effort = Effort() if not chosen.quick else Effort(warm_up=0.5, seconds=0.5, events=5, pushes=100, jobs=50)
    for name in chosen.part or _PARTS:
        text = _PARTS[name](effort, chosen.rounds)
        sys.stdout.write(f"\n<!-- {name} -->\n{text}\n")
        sys.stdout.flush()
        if not chosen.quick:  # now: a failure of a later part loses no figures
            page = report.put(report.PAGE.read_text(encoding="utf-8"), name, text)
            report.PAGE.write_text(page, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default %(default)s)")
    parser.add_argument("--part", action="append", choices=_PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--quick", action="store_true", help="try everything briefly; writes no page")
    return parser.parse_args()


def _allow_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < SOCKETS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (SOCKETS if hard == resource.RLIM_INFINITY else hard, hard))


def _peers(effort: Effort, rounds: int) -> str:
    found: dict[Server, list[Figures]] = {server: [] for server in SERVERS}
    busiest = 0.0
    for number in range(rounds):
        first = number % len(SERVERS)
        for server in (*SERVERS[first:], *SERVERS[:first]):
            _say(f"round {number + 1} of {rounds}: {server.name}")
            done = measure(server, effort)
            found[server].append(done.figures)
            busiest = max(busiest, done.busiest)
    note = f"The client was busy for at most {busiest:.0%} of the time of any measure of throughput."
    return f"{report.goals_table(found)}\n\n{report.figures_table(found)}\n\n{note}"


def _growth(effort: Effort, rounds: int) -> str:
    return report.growth_table([growth(ENGINE, effort) for _ in range(rounds)])


def _functions(_effort: Effort, rounds: int) -> str:
    found = []
    for _ in range(rounds):
        with TemporaryDirectory() as folder:  # a new one: the queue of the previous round still has events
            found.append(asyncio.run(functions.measure(Path(folder), fresh=40, warm=2_000)))
    rows = []
    for index, (name, _, target) in enumerate(found[0]):
        if target is not None:
            medians = [median(one[index][1]) * 1000 for one in found]
            rows.append(_against(name, medians, target))
    return report.table(["milliseconds", "goal", "median", "range", "met"], rows)


def _against(name: str, medians: Sequence[float], target: float) -> list[str]:
    met = "yes" if median(medians) < target else "**no**"
    spread = f"{min(medians):.3f} to {max(medians):.3f}"
    return [name, f"< {target:g}", f"**{median(medians):.3f}**", spread, met]


def _without(effort: Effort, rounds: int) -> str:
    rows = []
    for comparison in COMPARISONS:
        _say(f"without {comparison.measure.value}: {comparison.seen_in}")
        ratios = [compare(comparison, effort) for _ in range(rounds)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        rows.append([comparison.title, comparison.seen_in, f"**{median(ratios):.2f} ×**", spread])
    return report.table(["effect", "seen in", "with it / without it", "range"], rows)


def _jobs(effort: Effort, rounds: int) -> str:
    found = []
    for number in range(rounds):
        _say(f"jobs, round {number + 1} of {rounds}")
        found.append(jobs.measure(jobs.SIZES, effort.jobs))
    note = (
        "Processor time of Longcall for a job, in milliseconds; functions are the relay, the worker and the authorizer:"
    )
    return f"{jobs.jobs_table(found)}\n\n{note}\n\n{jobs.costs_table(found)}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


_PARTS: Final = {"peers": _peers, "growth": _growth, "functions": _functions, "measures": _without, "jobs": _jobs}

if __name__ == "__main__":
    main()
