"""Interruption against workloads that block, swallow and clean up. Everything runs on the main thread, as in Lambda."""

import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator

import pytest

from chalicelib.worker.interruption import SIGNAL, Interrupted, Interruption, Stop
from chalicelib.workloads import WorkloadContext

Steps = Generator[int, None, str]


def far() -> WorkloadContext:
    return WorkloadContext(time.monotonic() + 60)


def ignore(piece: int) -> None:
    pass


def asleep() -> None:
    time.sleep(60)


def in_a_socket() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.recv(1)


def at_a_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def in_a_loop() -> None:
    while True:
        pass


@pytest.mark.parametrize("block", [asleep, in_a_socket, at_a_lock, in_a_loop])
def test_a_blocked_workload_is_stopped(block: Callable[[], None]) -> None:
    cleaned: list[str] = []

    def work(interruption: Interruption) -> Steps:
        try:
            yield 1
            threading.Timer(0.02, interruption.stop, [Stop.UNPUBLISHABLE]).start()
            block()
        finally:
            cleaned.append("up")
        return "never"

    with Interruption(far()) as interruption, pytest.raises(Interrupted) as raised:
        interruption.drive(work(interruption), ignore)

    assert raised.value.stop is Stop.UNPUBLISHABLE
    assert cleaned == ["up"]


def test_the_deadline_stops_a_blocked_workload() -> None:
    def work() -> Steps:
        yield 1
        asleep()
        return "never"

    with Interruption(WorkloadContext(time.monotonic() + 0.02)) as interruption, pytest.raises(Interrupted) as raised:
        interruption.drive(work(), ignore)

    assert raised.value.stop is Stop.DEADLINE


def test_a_broad_except_in_a_workload_does_not_hide_the_interruption() -> None:
    def work(interruption: Interruption) -> Steps:
        interruption.stop(Stop.UNPUBLISHABLE)
        while True:
            try:
                asleep()
            except Exception:
                yield 0

    with Interruption(far()) as interruption, pytest.raises(Interrupted):
        interruption.drive(work(interruption), ignore)


def test_a_workload_that_swallows_the_interruption_gets_it_again() -> None:
    swallowed: list[int] = []

    def work(interruption: Interruption) -> Steps:
        interruption.stop(Stop.UNPUBLISHABLE)
        for n in range(3):
            try:
                asleep()
            except BaseException:
                swallowed.append(n)
        asleep()
        yield 0
        return "never"

    with Interruption(far(), clean_up_time=0.01) as interruption, pytest.raises(Interrupted):
        interruption.drive(work(interruption), ignore)

    assert swallowed == [0, 1, 2]


def test_a_workload_that_hangs_while_it_cleans_up_is_stopped_too() -> None:
    def work(interruption: Interruption) -> Steps:
        try:
            interruption.stop(Stop.UNPUBLISHABLE)
            asleep()
            yield 0
        finally:
            asleep()
        return "never"

    with Interruption(far(), clean_up_time=0.01) as interruption, pytest.raises(Interrupted):
        interruption.drive(work(interruption), ignore)


def test_a_workload_is_closed_where_it_is_stopped_between_steps() -> None:
    cleaned: list[str] = []
    delivered: list[int] = []

    def work() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            cleaned.append("up")

    def deliver(piece: int) -> None:
        delivered.append(piece)
        if piece == 2:
            interruption.stop(Stop.UNPUBLISHABLE)

    with Interruption(far()) as interruption, pytest.raises(Interrupted):
        interruption.drive(work(), deliver)  # type: ignore[arg-type]  # a generator that returns nothing

    assert delivered == [0, 1, 2]
    assert cleaned == ["up"]


def test_a_workload_that_ends_gives_its_result_and_the_first_reason_counts() -> None:
    def work() -> Steps:
        yield 1
        return "the result"

    with Interruption(far()) as interruption:
        assert interruption.drive(work(), ignore) == "the result"
        interruption.stop(Stop.UNPUBLISHABLE)
        interruption.stop(Stop.DEADLINE)

    assert interruption.reason is Stop.UNPUBLISHABLE


def test_an_interruption_surfaces_nowhere_but_in_the_workload() -> None:
    """Many signals arrive during deliveries and between them. No piece is lost, and no delivery is interrupted."""
    rng = random.Random(7)  # noqa: S311  # a seed, no secret
    broken_off: list[int] = []

    def spin(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    for _ in range(100):
        resumed: list[int] = []
        delivered: list[int] = []

        def work(resumed: list[int] = resumed) -> Steps:
            for n in range(10_000):
                yield n
                resumed.append(n)
            return "never"

        def deliver(piece: int, delivered: list[int] = delivered) -> None:
            try:
                spin(0.0002)
                delivered.append(piece)
            except BaseException:
                broken_off.append(piece)
                raise

        with Interruption(
            WorkloadContext(time.monotonic() + rng.uniform(0, 0.003)), clean_up_time=0.00005
        ) as interruption:
            with pytest.raises(Interrupted):
                interruption.drive(work(), deliver)
            spin(0.0002)

        assert delivered == list(range(len(delivered)))
        assert len(delivered) - len(resumed) in (0, 1)
    assert broken_off == []


def test_the_handler_that_was_there_before_is_back_afterwards() -> None:
    before = signal.getsignal(SIGNAL)

    for _ in range(50):
        with Interruption(WorkloadContext(0.0), clean_up_time=0.0):
            pass

    assert signal.getsignal(SIGNAL) is before


def test_jobs_share_the_thread_that_interrupts_them() -> None:
    before = set(threading.enumerate())

    with Interruption(far()), Interruption(WorkloadContext(time.monotonic() + 30)):
        added = set(threading.enumerate()) - before

    assert len(added) <= 1  # none, if an earlier job has started it


def test_off_the_main_thread_a_workload_is_stopped_between_steps() -> None:
    ended: list[BaseException] = []

    def work() -> Iterator[int]:
        while True:
            yield 1

    def run() -> None:
        with Interruption(WorkloadContext(time.monotonic() + 0.02)) as interruption:
            try:
                interruption.drive(work(), ignore)  # type: ignore[arg-type]  # a generator that never returns
            except Interrupted as error:
                ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)

    assert [type(error) for error in ended] == [Interrupted]


def test_a_workload_that_is_no_generator_is_refused() -> None:
    with (
        Interruption(far()) as interruption,
        pytest.raises(TypeError, match="must be a generator"),
    ):
        interruption.drive([1, 2], ignore)  # type: ignore[arg-type]  # what a careless author may return
