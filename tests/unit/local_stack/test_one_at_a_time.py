"""Requests to moto's DynamoDB do not overlap, however many threads serve them."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_stack.services.one_at_a_time import OneAtATime


class ReadThenWrite:
    """An application that reads a number and writes the next one in two steps, as moto checks and writes."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self._answer()

    def _answer(self) -> Iterator[bytes]:
        read = self.number
        time.sleep(0)  # another thread may run here
        self.number = read + 1
        yield b"done"


def test_no_request_begins_before_the_one_before_has_ended() -> None:
    application = ReadThenWrite()
    served = OneAtATime(application)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: list(served({}, lambda *_: lambda _: None)), range(400)))

    assert application.number == 400
    assert answers == [[b"done"]] * 400
