"""What is done to the engine, and how often.

Each attack is one connection or a few, decided by a seeded source of randomness alone. One that the engine answers as
it must not (a status of 500, a body that is no JSON) raises `Misanswered`.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from tests.hostile import realtime, requests
from tests.hostile.wire import Line

Attack = Callable[[Random, Line], Awaitable[None]]

ATTACKS: Final[tuple[tuple[Attack, int], ...]] = (
    (requests.documents, 16), (requests.variables, 8), (requests.bodies, 8), (requests.large_bodies, 2),
    (requests.who, 10), (requests.heads, 12), (requests.half_requests, 5), (requests.pipelined, 2), (requests.code, 12),
    (realtime.messages, 10), (realtime.frames, 6), (realtime.handshakes, 10), (realtime.storms, 3),
    (realtime.silent_readers, 2), (realtime.crowds, 3),
)  # fmt: skip
