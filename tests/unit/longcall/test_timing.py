"""The waits between retries."""

from itertools import islice

from longcall import Timing
from longcall.timing import pauses


def test_pauses_are_drawn_from_a_range_that_doubles_up_to_the_longest_pause() -> None:
    timing = Timing(pause=0.2, longest_pause=1.0)
    ranges = [0.2, 0.4, 0.8, 1.0, 1.0]

    draws = [list(islice(pauses(timing), 5)) for _ in range(200)]

    for most, drawn in zip(ranges, zip(*draws, strict=True), strict=True):
        assert all(0 <= pause <= most for pause in drawn)
        assert max(drawn) > most / 2
        assert min(drawn) < most / 2
