"""A short run of `make certify`, and its certificate."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from certify.plan import campaigns
from certify.report import FAULTS
from tests.acceptance.stack import wait_until
from tests.contract.conftest import ROOT
from tests.support.node_packages import node_is_missing

BOUND = 600.0  # seconds; on a quiet machine it takes 35
JOBS = 150
EVENTS = 8  # each job has time for about 17


def command(out: Path, *, jobs: int, seed: int) -> list[str]:
    return [
        sys.executable, "-m", "certify", "--jobs", f"{jobs}", "--events", f"{EVENTS}", "--seed", f"{seed}",
        "--out", str(out),
    ]  # fmt: skip


def processes_with(text: str) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True, check=True)  # noqa: S607
    return [line for line in listed.stdout.splitlines() if text in line]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> "tuple[subprocess.CompletedProcess[str], Path]":
    """One short run with all faults."""
    out = tmp_path_factory.mktemp("certificate")
    environment = {**os.environ, "TMPDIR": str(out)}
    done = subprocess.run(
        command(out, jobs=JOBS, seed=1), capture_output=True, text=True, cwd=ROOT, env=environment, timeout=BOUND
    )
    return done, out


@pytest.fixture(scope="module")
def certificate(run: "tuple[subprocess.CompletedProcess[str], Path]") -> dict[str, Any]:
    done, out = run
    assert (out / "certificate.json").exists(), done.stderr
    told: dict[str, Any] = json.loads((out / "certificate.json").read_text())
    return told


def test_nothing_is_lost(run: "tuple[subprocess.CompletedProcess[str], Path]", certificate: dict[str, Any]) -> None:
    done, _ = run

    assert certificate["findings"] == []
    assert set(certificate["violations"].values()) == {0}
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing was lost" in done.stdout


def test_every_job_is_in_it_with_as_many_events_as_were_asked_for(certificate: dict[str, Any]) -> None:
    assert certificate["jobs"] == sum(certificate["statuses"].values()) == JOBS
    assert certificate["events"] >= JOBS * EVENTS


def test_every_kind_of_fault_was_injected(certificate: dict[str, Any]) -> None:
    assert [fault.name for fault in FAULTS if not certificate["faults"].get(fault.name)] == []


def test_gaps_were_healed(certificate: dict[str, Any]) -> None:
    assert certificate["heals"]["count"] > 0
    assert 0 < certificate["heals"]["medianMs"] <= certificate["heals"]["p99Ms"]


def test_watchers_run_the_clients_in_both_languages(certificate: dict[str, Any]) -> None:
    if missing := node_is_missing():
        pytest.skip(missing)

    assert certificate["watchers"]["python"] > certificate["watchers"]["typescript"] > 0
    assert certificate["versions"]["node"]


def test_progress_in_a_pipe_is_plain_lines(run: "tuple[subprocess.CompletedProcess[str], Path]") -> None:
    done, _ = run

    assert "\x1b" not in done.stderr + done.stdout
    large, small = (campaign.jobs for campaign in campaigns(jobs=JOBS, events=EVENTS, seed=1))
    assert f"{large} of {large} jobs" in done.stderr
    assert f"{small} of {small} jobs" in done.stderr


def test_nothing_is_left_of_it_but_the_certificate(
    run: "tuple[subprocess.CompletedProcess[str], Path]",
) -> None:
    _, out = run

    assert {path.name for path in out.iterdir()} == {"certificate.json", "certificate.html"}
    wait_until(lambda: not processes_with(str(out)), 30.0)


@pytest.mark.parametrize(
    ("end", "jobs", "stacks", "clients"), [(signal.SIGINT, 30, 2, 3), (signal.SIGTERM, 1, 1, 1)], ids=["INT", "TERM"]
)
def test_run_that_is_interrupted_tears_everything_down(
    tmp_path: Path, end: signal.Signals, jobs: int, stacks: int, clients: int
) -> None:
    """With the stacks and client processes of both campaigns; a single job has one campaign, with one of each."""
    with subprocess.Popen(
        command(tmp_path / "out", jobs=jobs, seed=1), cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        of_clients = f"--observations {tmp_path}"
        wait_until(lambda: len(processes_with(of_clients)) == clients or process.poll() is not None, 120.0)
        started = len(processes_with(f"--data {tmp_path}"))

        process.send_signal(end)
        _, said = process.communicate(timeout=120.0)

    assert started == stacks
    assert process.returncode == 130
    assert said.splitlines()[-1] == "certify: stopped before its end; there is no certificate"
    wait_until(lambda: not processes_with(str(tmp_path)), 30.0)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("option", "given", "most"), [("--jobs", "many", 1_000_000), ("--events", "100000", 3_733)], ids=["jobs", "events"]
)
def test_a_number_that_cannot_be_used_is_refused(option: str, given: str, most: int) -> None:
    done = subprocess.run([sys.executable, "-m", "certify", option, given], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 2
    assert f"expected a whole number from 1 to {most}, and found '{given}'" in done.stderr
