"""What every ledger does."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.jobs.errors import JobUnfinished
from chalicelib.jobs.model import Image, InferenceRequest, Job, JobId, Message, Role, Status, UploadId
from chalicelib.jobs.rules import tombstone
from chalicelib.ledger import InvalidToken, Ledger
from tests.contract.conftest import FakeClock, LedgerKind
from tests.contract.jobs import ADA, GRACE, START, following, new_id, opened


@pytest.fixture
def clock(ledger_kind: LedgerKind) -> FakeClock:
    return ledger_kind.clock


@pytest.fixture
def ledger(ledger_kind: LedgerKind) -> Ledger:
    return ledger_kind.make()


def test_what_was_appended_is_read_back_whole(ledger: Ledger) -> None:
    first = opened(prompt="Zwölf Boxkämpfer 🥊\n\x00\x1f 日本語")
    second = following(first, delta="été \N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}")

    assert ledger.append(first)
    assert ledger.append(second)

    assert ledger.read(first.job_id, after=0, limit=10) == [first, second]
    assert ledger.head(first.job_id) == second


def test_a_sequence_that_exists_is_not_written_again(ledger: Ledger) -> None:
    first = opened()
    ledger.append(first)
    second = following(first, delta="one")
    ledger.append(second)

    assert not ledger.append(following(first, delta="two"))
    assert not ledger.append(first)

    assert ledger.read(first.job_id, after=0, limit=10) == [first, second]


def test_a_job_that_does_not_exist_has_no_head_and_no_records(ledger: Ledger) -> None:
    assert ledger.head(new_id()) is None
    assert ledger.read(new_id(), after=0, limit=10) == []


def test_reading_goes_on_after_a_sequence_and_stops_at_the_limit(ledger: Ledger) -> None:
    log = [opened()]
    for number in range(12):
        log.append(following(log[-1], delta=str(number)))
    for job in log:
        ledger.append(job)

    assert ledger.read(log[0].job_id, after=3, limit=4) == log[3:7]
    assert ledger.read(log[0].job_id, after=11, limit=100) == log[11:]
    assert ledger.read(log[0].job_id, after=13, limit=100) == []


def test_a_record_near_the_size_limits_is_kept(ledger: Ledger) -> None:
    job = opened(prompt="\x01\u3042" * 49_152)

    ledger.append(job)

    assert ledger.head(job.job_id) == job


def test_a_conversation_is_kept_with_the_ids_of_its_images_and_without_their_content(ledger: Ledger) -> None:
    shown = Message(Role.USER, "What is this?", (Image(UploadId("one")), Image(UploadId("two"))))
    turns = (shown, Message(Role.ASSISTANT, "A cat."), Message(Role.USER, "Sure?"))
    job = replace(opened(), request=InferenceRequest("", "amazon.nova-lite-v1:0", messages=turns))

    ledger.append(job)

    assert ledger.head(job.job_id) == job


def test_a_list_has_the_owners_jobs_newest_first_without_what_is_large(ledger: Ledger) -> None:
    mine = [opened(now=START + timedelta(seconds=number)) for number in range(3)]
    for job in (*mine, opened(owner=GRACE)):
        ledger.append(job)
    newer = following(mine[1], delta="text")
    ledger.append(newer)

    page = ledger.list(ADA, status=None, limit=10, next_token=None)

    assert page.jobs == (mine[2].summary(), newer.summary(), mine[0].summary())
    assert page.next_token is None


def test_pages_of_a_list_join_to_the_whole_without_repeats(ledger: Ledger) -> None:
    jobs = [opened(now=START + timedelta(seconds=number // 2)) for number in range(7)]
    for job in jobs:
        ledger.append(job)

    seen: list[JobId] = []
    token = None
    while True:
        page = ledger.list(ADA, status=None, limit=2, next_token=token)
        seen.extend(job.job_id for job in page.jobs)
        token = page.next_token
        if token is None:
            break

    assert len(seen) == 7
    assert set(seen) == {job.job_id for job in jobs}


def test_a_list_can_be_of_one_status(ledger: Ledger) -> None:
    running, waiting = opened(), opened()
    for job in (running, waiting, following(running)):
        ledger.append(job)

    page = ledger.list(ADA, status=Status.PROCESSING, limit=10, next_token=None)

    assert [job.job_id for job in page.jobs] == [running.job_id]


@pytest.mark.parametrize("token", ["x", "W10=", "WzEsMl0=", "\N{SNOWMAN}"])
def test_a_page_token_of_nobodys_is_refused(ledger: Ledger, token: str) -> None:
    with pytest.raises(InvalidToken):
        ledger.list(ADA, status=None, limit=10, next_token=token)


def test_the_watchdog_finds_idle_unfinished_jobs_page_by_page(ledger: Ledger) -> None:
    idle = [opened() for _ in range(5)]
    ended = opened()
    busy = opened()
    for job in (*idle, ended, following(ended, Status.CANCELLED), busy, following(busy, after=100.0)):
        ledger.append(job)

    seen: list[JobId] = []
    token = None
    while True:
        page = ledger.unfinished(idle_since=START + timedelta(seconds=60), limit=2, next_token=token)
        seen.extend(job.job_id for job in page.jobs)
        token = page.next_token
        if token is None:
            break

    assert sorted(seen) == sorted(job.job_id for job in idle)


def test_an_expired_job_is_not_there_and_its_id_is_free_again(ledger: Ledger, clock: FakeClock) -> None:
    old = opened(life=timedelta(minutes=1))
    for job in (old, following(old), following(following(old), Status.COMPLETED)):
        ledger.append(job)
    clock.advance(61)

    assert ledger.head(old.job_id) is None
    assert ledger.read(old.job_id, after=0, limit=10) == []
    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == ()

    again = opened(old.job_id, GRACE, now=clock())
    assert ledger.append(again)
    assert ledger.head(old.job_id) == again
    assert ledger.append(following(again))
    assert ledger.read(old.job_id, after=0, limit=10) == [again, following(again)]
    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == ()


def test_no_more_jobs_are_admitted_than_the_limit(ledger: Ledger) -> None:
    first, second, third = new_id(), new_id(), new_id()

    assert ledger.admit(ADA, first, limit=2)
    assert ledger.admit(ADA, second, limit=2)
    assert not ledger.admit(ADA, third, limit=2)
    assert ledger.admit(GRACE, third, limit=2)

    assert set(ledger.admitted(ADA)) == {first, second}


def test_admitting_twice_is_admitting_once(ledger: Ledger) -> None:
    job_id = new_id()

    assert ledger.admit(ADA, job_id, limit=1)
    assert ledger.admit(ADA, job_id, limit=1)

    assert set(ledger.admitted(ADA)) == {job_id}


def test_a_released_job_makes_room_and_releasing_twice_is_harmless(ledger: Ledger) -> None:
    first, second = new_id(), new_id()
    ledger.admit(ADA, first, limit=1)

    ledger.release(ADA, first)
    ledger.release(ADA, first)
    ledger.release(GRACE, first)

    assert ledger.admit(ADA, second, limit=1)
    assert set(ledger.admitted(ADA)) == {second}


def test_the_record_that_ends_a_job_makes_room_for_another_job(ledger: Ledger, clock: FakeClock) -> None:
    job = opened(new_id(), now=clock())
    ledger.admit(ADA, job.job_id, limit=1)
    ledger.append(job)
    running = following(job)
    ledger.append(running)
    assert set(ledger.admitted(ADA)) == {job.job_id}

    ledger.append(following(running, status=Status.COMPLETED))

    assert ledger.admitted(ADA) == {}


def ended(ledger: Ledger, *, size: int = 3) -> list[Job]:
    """The log of a job that has ended, written."""
    log = [opened(prompt="a secret")]
    for _ in range(size - 2):
        log.append(following(log[-1], delta="a secret"))
    log.append(replace(following(log[-1], Status.COMPLETED), result="a secret", message="a secret"))
    for job in log:
        assert ledger.append(job)
    return log


@pytest.mark.parametrize("size", [2, 60])
def test_what_is_erased_keeps_its_places_and_none_of_its_words(ledger: Ledger, size: int) -> None:
    log = ended(ledger, size=size)
    left = tombstone(log[-1], now=START)

    ledger.erase(left)

    assert ledger.head(log[0].job_id) == left
    assert ledger.read(log[0].job_id, after=0, limit=100) == [replace(left, sequence=job.sequence) for job in log]
    assert not any(ledger.append(job) for job in log)
    assert "secret" not in repr(ledger.read(log[0].job_id, after=0, limit=100))


def test_what_is_erased_is_not_listed_and_what_is_not_is(ledger: Ledger) -> None:
    gone, kept = ended(ledger), ended(ledger)

    ledger.erase(tombstone(gone[-1], now=START))
    ledger.erase(tombstone(gone[-1], now=START))

    page = ledger.list(ADA, status=None, limit=10, next_token=None)
    assert [job.job_id for job in page.jobs] == [kept[-1].job_id]
    assert ledger.unfinished(idle_since=START + timedelta(days=1), limit=10, next_token=None).jobs == ()
    assert ledger.read(kept[0].job_id, after=0, limit=10) == kept


def test_an_erased_id_is_free_once_it_has_expired(ledger: Ledger, clock: FakeClock) -> None:
    gone = ended(ledger)
    ledger.erase(tombstone(gone[-1], now=START))
    clock.advance(8 * 86_400)
    again = opened(gone[0].job_id, now=clock())

    assert ledger.head(again.job_id) is None
    assert ledger.append(again)

    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == (again.summary(),)
    assert ledger.read(again.job_id, after=0, limit=10) == [again]


def test_a_job_that_goes_on_has_no_tombstone() -> None:
    with pytest.raises(JobUnfinished, match="is PENDING, and only a job that has ended can be deleted"):
        tombstone(opened(), now=START)
