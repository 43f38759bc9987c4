"""What is done to the engine, and how often.

Each attack is one connection or a few, decided by a seeded source of randomness alone. One that the engine answers as
it must not (a status of 500, a body that is no JSON) raises `Misanswered`.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from tests.hostile import http_attacks, realtime_attacks
from tests.hostile.connection import Line

Attack = Callable[[Random, Line], Awaitable[None]]

ATTACKS: Final[tuple[tuple[Attack, int], ...]] = (
    (http_attacks.documents, 16), (http_attacks.variables, 8), (http_attacks.bodies, 8), (http_attacks.large_bodies, 2),
    (http_attacks.who, 10), (http_attacks.heads, 12), (http_attacks.half_requests, 5), (http_attacks.pipelined, 2), (http_attacks.code, 12),
    (realtime_attacks.messages, 10), (realtime_attacks.frames, 6), (realtime_attacks.handshakes, 10), (realtime_attacks.storms, 3),
    (realtime_attacks.silent_readers, 2), (realtime_attacks.crowds, 3),
)  # fmt: skip
