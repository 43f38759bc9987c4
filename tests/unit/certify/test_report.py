"""The certificate contains the findings, and nothing else."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from certify.counts import Finding, Violation
from certify.examination import Outcome
from certify.life import Entry, Life
from certify.load import CampaignState
from certify.observation import Iteration, Moment, Observation, ShownError, ShownEvent, digest_of, load_all
from certify.page import page
from certify.plan import CHAOS
from certify.progress import line_of
from certify.report import FAULTS, Certificate, distribution, percentile, summary
from chalicelib.jobs.errors import ErrorType
from tests.unit.certify.jobs import CAMPAIGN

OUTCOME = Outcome(
    CAMPAIGN, events=900, attempts=44, faults=Counter({"worker_killed": 2, "drop": 70}),
    statuses=Counter({"COMPLETED": 39, "FAILED CRASHED": 1}), heals_ms=[300.0, 310.0, 900.0], late_ms=[5, 7],
    seconds={"starting": 1.0, "running": 9.0}, starts=[1.0], watchers=Counter({"python": 50, "typescript": 4}),
)  # fmt: skip
CERTIFICATE = Certificate(
    outcomes=[OUTCOME], jobs=40, events=5, seed=1, command="make certify JOBS=40 EVENTS=5 SEED=1",
    made_at=datetime(2026, 1, 1, tzinfo=UTC), seconds=12.3, versions={"python": "3.11.7"},
)  # fmt: skip
FAILED = replace(
    CERTIFICATE,
    outcomes=[
        replace(OUTCOME, findings=[Finding(Violation.BYTES_DIFFERENT, "<job-1>", "three & a half bytes")] * 2),
    ],
)


def test_certificate_without_a_finding_has_only_zeros_and_passes() -> None:
    told = json.loads(CERTIFICATE.as_json())

    assert told["passed"] is True
    assert told["violations"] == dict.fromkeys(map(str, Violation), 0)


def test_certificate_counts_jobs_events_faults_and_heals() -> None:
    told = json.loads(CERTIFICATE.as_json())

    assert (told["jobs"], told["events"], told["seed"]) == (40, 900, 1)
    assert list(told["faults"].items()) == [("drop", 70), ("worker_killed", 2)]
    assert told["heals"] == {"count": 3, "medianMs": 310, "p99Ms": 900, "distribution": distribution([300, 310, 900])}
    assert told["command"] == "make certify JOBS=40 EVENTS=5 SEED=1"


def test_certificate_counts_watchers_by_language() -> None:
    assert json.loads(CERTIFICATE.as_json())["watchers"] == {"python": 50, "typescript": 4}
    assert "watchers: 50 in Python, 4 in TypeScript" in summary(CERTIFICATE)


def test_certificate_with_a_finding_fails_and_says_how_to_run_it_again() -> None:
    told = json.loads(FAILED.as_json())
    lines = summary(FAILED)

    assert told["passed"] is False
    assert told["violations"]["bytes_different"] == 2
    assert told["findings"][0] == {
        "run": "sqlite",
        "violation": "bytes_different",
        "subject": "<job-1>",
        "detail": "three & a half bytes",
    }
    assert lines[-1] == "seed 1 failed; the same again: make certify JOBS=40 EVENTS=5 SEED=1"


def test_certificate_of_a_stopped_run_says_what_was_seen_last() -> None:
    stopped = replace(FAILED.outcomes[0], stopped="jobs_stuck is above zero", last_seen=["job-2: PENDING at entry 1"])
    lines = summary(replace(FAILED, outcomes=[stopped]))

    assert "stopped early: jobs_stuck is above zero" in lines
    assert "not ended: job-2: PENDING at entry 1" in lines


def test_certificate_compares_mishaps_with_what_the_faults_explain() -> None:
    outcome = replace(OUTCOME, mishaps=Counter({ErrorType.CRASHED: 1}), most_mishaps={ErrorType.CRASHED: 3})

    told = json.loads(replace(CERTIFICATE, outcomes=[outcome]).as_json())

    assert told["mishaps"] == {"CRASHED": {"found": 1, "hitByOutages": 0, "most": 3}}


LIFE = Life(
    "job-1",
    (
        Entry(1, 0, "PENDING", 0.0, (0.1, 0.15), 0.12),
        Entry(2, 1, "PROCESSING", 0.2, (), 0.6),
        Entry(3, 1, "COMPLETED", 0.4, (0.9,), 0.61),
    ),
    (0.6,),
)


def test_life_of_one_job_shows_what_was_lost_and_when_it_was_healed() -> None:
    certificate = replace(CERTIFICATE, outcomes=[replace(OUTCOME, life=LIFE)])

    told, html = json.loads(certificate.as_json())["life"], page(certificate)

    assert [entry["isLost"] for entry in told["entries"]] == [False, True, True]
    assert html.count('class="lost"') == 2
    assert html.count('<line class="heal"') == 1
    assert html.count('<circle class="arrived"') == 3
    assert "3 events were logged, 2 of them had not arrived when they were shown" in html


def test_distribution_counts_every_value_once() -> None:
    bins = distribution([1.0, 310.0, 310.1, 99_999.0])

    assert [each["count"] for each in bins if each["count"]] == [2, 1, 1]
    assert bins[-1] == {"upToMs": None, "count": 1}


def test_summary_of_a_passed_run_ends_with_its_verdict() -> None:
    assert summary(CERTIFICATE)[-1] == "nothing was lost"


def test_summary_says_when_the_machine_made_fewer_events_than_asked_for() -> None:
    few = replace(CERTIFICATE, outcomes=[replace(OUTCOME, events=199)])

    assert any("fewer than 5 events a job" in line for line in summary(few))
    assert not any("fewer than" in line for line in summary(CERTIFICATE))


class Tags(HTMLParser):
    """Collects tags that are opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize(
    "certificate", [CERTIFICATE, FAILED, replace(CERTIFICATE, outcomes=[replace(OUTCOME, life=LIFE)])]
)
def test_page_is_well_formed_and_needs_nothing_else(certificate: Certificate) -> None:
    html = page(certificate)
    tags = Tags()
    tags.feed(html)

    assert tags.open == ["html", "body"]
    assert "http" not in html
    assert "$" not in html


def test_page_shows_text_from_a_log_as_text() -> None:
    tags = Tags()
    tags.feed(page(FAILED))

    assert "<job-1>" in tags.text
    assert "three & a half bytes" in tags.text
    assert "A count is above zero" in tags.text


def test_every_fault_of_the_chaos_is_explained() -> None:
    assert {part.partition("=")[0] for part in CHAOS.split(",")} <= {fault.name for fault in FAULTS}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0), ([7], 0.99, 7), ([1, 2, 3], 0.5, 2), ([4, 3, 2, 1], 0.5, 2), (list(range(1, 101)), 0.99, 99)],
)
def test_percentile_is_the_smallest_value_that_covers_the_share(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def test_progress_says_where_a_campaign_is() -> None:
    state = CampaignState(CAMPAIGN, phase="running", ended=7, shown=1200, kills=Counter(worker_killed=2))

    assert line_of(state) == "sqlite: running, 7 of 40 jobs, 1,200 events shown, 2 kills"


def test_evidence_survives_its_way_through_a_file() -> None:
    seen = Observation(3, "job", answered=2, iterations=[Iteration(shown=[1, 2], late_ms=[4, 5])], heals_ms=[300.5])
    seen.errors.append(ShownError(1.5, "Unreachable", "start"))
    seen.life.append(Moment(2.5, "pushed", 3))
    seen.ends["COMPLETED"] += 1
    seen.retries["Unreachable"] += 3

    assert list(load_all([seen.dump() + "\n"])) == [seen]


def test_line_that_a_killed_process_could_not_finish_is_no_evidence() -> None:
    whole = Observation(1, "one").dump() + "\n"

    assert [seen.job_id for seen in load_all([whole, whole[:-9]])] == ["one"]


EVENT = ShownEvent(
    sequence=1, attempt=1, status="PROCESSING", progress=0.5, message="m", delta="d", output_kept=0, result="",
    error="", error_type="", usage={"outputTokens": 3}, cost={"total": 0.5}, metadata=["m"],
)  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        replace(EVENT, sequence=2),
        replace(EVENT, attempt=2),
        replace(EVENT, status="COMPLETED"),
        replace(EVENT, progress=0.6),
        replace(EVENT, message=""),
        replace(EVENT, delta="e"),
        replace(EVENT, result="r"),
        replace(EVENT, error="e"),
        replace(EVENT, error_type="CRASHED"),
        replace(EVENT, output_kept=1),
        replace(EVENT, usage={"outputTokens": 4}),
        replace(EVENT, cost=None),
        replace(EVENT, metadata=[]),
    ],
)
def test_digest_tells_events_apart(other: ShownEvent) -> None:
    assert digest_of([EVENT]) != digest_of([other])


def test_digest_tells_orders_apart() -> None:
    second = replace(EVENT, sequence=2)

    assert digest_of([EVENT, second]) != digest_of([second, EVENT])


def test_digest_takes_a_whole_number_for_what_it_is() -> None:
    assert digest_of([replace(EVENT, progress=1)]) == digest_of([replace(EVENT, progress=1.0)])
