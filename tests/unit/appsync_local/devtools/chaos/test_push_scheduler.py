"""One push that cannot be sent keeps no other push of the socket from being sent."""

from collections import Counter

import pytest

from appsync_local.devtools.chaos import push_queue
from appsync_local.devtools.chaos.decisions import PushDecisions
from appsync_local.devtools.chaos.push_scheduler import PushScheduler
from appsync_local.devtools.chaos.spec import parse_chaos
from appsync_local.devtools.health import Health
from tests.support.engine_clients import until


class Socket:
    """A socket on which the first message cannot be sent."""

    def __init__(self) -> None:
        self.tried: list[bytes] = []

    def send(self, text: bytes) -> None:
        self.tried.append(text)
        if len(self.tried) == 1:
            raise RuntimeError("the transport is broken")

    def cut(self) -> None:
        raise AssertionError("nothing cuts the socket in these tests")


@pytest.mark.parametrize("faults", ["duplicate=1", "duplicate=1,reorder=1"], ids=["at once", "by the timer"])
async def test_the_copy_of_a_push_that_could_not_be_sent_is_sent(faults: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_queue, "HELD_BACK", 0.01)
    socket, health = Socket(), Health()
    scheduler = PushScheduler(send=socket.send, cut=socket.cut, health=health.loop("delayed pushes"))

    scheduler.push(PushDecisions(parse_chaos(faults), Counter()), "1", b"event")
    await until(lambda: len(socket.tried) == 2)

    assert socket.tried == [b"event", b"event"]
    assert health.loop("delayed pushes").failures == 1
    scheduler.close()
