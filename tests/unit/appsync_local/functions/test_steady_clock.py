"""A clock that is set back, forward, or stopped by a suspension."""

from appsync_local.functions.steady_clock import SteadyClock


class Machine:
    """Both clocks of a machine."""

    def __init__(self) -> None:
        self.wall = 100_000.0
        self.monotonic = 7.0

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, monotonic=lambda: self.monotonic)


def test_time_is_the_wall_clocks_as_long_as_that_goes_forward() -> None:
    machine = Machine()
    clock = machine.clock()

    machine.pass_time(5.0)

    assert clock() == 100_005.0


def test_time_continues_when_the_wall_clock_is_set_back() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.pass_time(5.0)
    clock()

    machine.wall -= 3600.0
    machine.pass_time(2.0)
    set_back = clock()
    machine.pass_time(3.0)

    assert set_back == 100_007.0
    assert clock() == 100_010.0


def test_time_follows_a_wall_clock_that_is_set_forward_or_was_suspended() -> None:
    machine = Machine()
    clock = machine.clock()

    machine.wall += 3600.0

    assert clock() == 103_600.0


def test_time_never_goes_back_however_often_the_wall_clock_does() -> None:
    machine = Machine()
    clock = machine.clock()
    seen = []
    for step in (-10.0, 0.0, -3600.0, 5.0, -0.001, -7200.0):
        machine.wall += step
        machine.pass_time(1.0)
        seen.append(clock())

    assert seen == sorted(seen)
    assert seen[-1] - 100_000.0 < 12.0
