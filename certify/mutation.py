"""`python -m certify.mutation`, which `make certify-mutants` runs: a small certificate on every mutant.

Each mutant is a copy of the product with some texts replaced, and is run by a process of its own.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from certify.campaign import run
from certify.counts import Violation
from certify.lists import ListsFailed
from certify.load import ClientsFailed
from certify.machine import Machine
from certify.mutant import Mutant
from certify.mutants import CONTROL, MUTANTS
from certify.product import ROOT, EditFailed
from certify.stack import StackFailed
from certify.typescript import TypeScriptMissing, build_with

AT_ONCE: Final = 2
LONGEST: Final = 600.0  # seconds for one mutant


class Exit(IntEnum):
    """Exit codes of the command."""

    OK = 0
    GREEN = 1  # the certificate did not see a mutant, or saw something in the product itself
    USAGE = 2  # as argparse does
    NOT_RUN = 3  # a mutant could not be run


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one mutant.

    Attributes:
        counts: The counts above zero.
        detail: What was found first, or why it could not be run.
        was_run: Whether the small certificate was run to a result.
    """

    mutant: Mutant
    counts: dict[str, int]
    detail: str
    seconds: float
    was_run: bool = True

    @property
    def is_expected(self) -> bool:
        """Whether the right count is red; for the product itself, none."""
        if not self.was_run:
            return False
        if self.mutant is CONTROL:
            return not self.counts
        return any(self.counts.get(count.value) for count in (self.mutant.count, *self.mutant.or_else))

    def line(self) -> str:
        """A row of the table."""
        wanted = "no count" if self.mutant is CONTROL else self.mutant.count.value
        found = ", ".join(f"{name} {count}" for name, count in self.counts.items()) or "green"
        mark = "ok  " if self.is_expected else "FAIL"
        shown = found if self.was_run else "not run"
        return f"{mark} {self.seconds:4.0f} s  {self.mutant.name:<52} {wanted:<21} {shown}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all mutants, or those that are named; print a table."""
    given = _parser().parse_args(arguments)
    chosen = [it for it in (CONTROL, *MUTANTS) if not given.only or it.name in given.only]
    if given.child:
        return asyncio.run(_run_here(chosen[0], given.child))
    verdicts = asyncio.run(run_all(chosen))
    failed = [verdict for verdict in verdicts if not verdict.is_expected]
    for verdict in failed:
        sys.stdout.write(f"\n{verdict.mutant.name}: {verdict.detail or 'nothing was found'}\n")
    sys.stdout.write(f"\n{len(verdicts) - len(failed)} of {len(verdicts)} as expected\n")
    if any(not verdict.was_run for verdict in failed):
        return Exit.NOT_RUN
    return Exit.GREEN if failed else Exit.OK


async def run_all(mutants: Sequence[Mutant]) -> list[Verdict]:
    """Run each mutant in a process of its own, some at once, and print a line for each."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def run_one(mutant: Mutant) -> Verdict:
        async with slots:
            verdict = await judge(mutant)
            sys.stdout.write(f"{verdict.line()}\n")
            sys.stdout.flush()
            return verdict

    return await asyncio.gather(*(run_one(mutant) for mutant in mutants))


async def judge(mutant: Mutant) -> Verdict:
    """The verdict on one mutant. Everything that it started has ended afterwards."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="longcall-mutant-"))
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __spec__.name if __spec__ else "certify.mutation",
            "--only", mutant.name, "--child", str(folder / "run"),
            cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LONGEST):
                output, errors = await process.communicate()
        except (TimeoutError, asyncio.CancelledError) as error:
            process.terminate()
            await process.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
            return Verdict(mutant, {}, f"it did not end within {LONGEST:.0f} s", LONGEST, was_run=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - began
    if process.returncode != 0:
        return Verdict(mutant, {}, errors.decode(errors="replace")[-2000:], seconds, was_run=False)
    told = json.loads(output)
    return Verdict(mutant, told["counts"], told["detail"], seconds)


async def _run_here(mutant: Mutant, folder: Path) -> int:
    """Run the small certificate on a mutant, and print the counts as JSON."""
    program = folder / "watcher.js" if mutant.runs_typescript else None
    try:
        if program is not None:
            await asyncio.to_thread(build_with, mutant.edits, folder / "typescript", program)
        outcome = await run(
            mutant.campaign, folder, lambda _: None, () if mutant.runs_typescript else mutant.edits,
            machine=Machine(os.getppid()), typescript=program,
        )  # fmt: skip
    except (EditFailed, StackFailed, ClientsFailed, ListsFailed, TypeScriptMissing) as failed:
        sys.stderr.write(f"{failed}\n")
        return Exit.NOT_RUN
    counts = Counter(finding.violation for finding in outcome.findings)
    first = [f"{finding.violation}: {finding.subject}: {finding.detail}" for finding in outcome.findings[:3]]
    shared = [f"times counted half for {outcome.shared_seconds:.0f} s, in which other programs used this machine"]
    shared = shared if outcome.shared_seconds else []
    told = {
        "counts": {violation.value: counts[violation] for violation in Violation if counts[violation]},
        "detail": "; ".join([*first, *outcome.last_seen, *shared]),
    }
    sys.stdout.write(json.dumps(told))
    return Exit.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="certify.mutation", description="Break the product on purpose, and demand that the certificate sees it."
    )
    names = [it.name for it in (CONTROL, *MUTANTS)]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="a mutant; may be repeated")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)  # the folder of one mutant's process
    return parser


if __name__ == "__main__":
    sys.exit(main())
