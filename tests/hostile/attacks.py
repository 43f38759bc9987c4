"""All attacks, each with its weight: how often it is chosen in proportion to the others.

An attack opens one or more connections. Its random choices come from a seed alone, so it can be repeated. It raises
`WrongAnswer` when the engine answers with a status of 5xx or with a body that is not JSON.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from tests.hostile import http_attacks as http
from tests.hostile import realtime_attacks as realtime
from tests.hostile.connection import Connections

Attack = Callable[[Random, Connections], Awaitable[None]]

ATTACKS: Final[tuple[tuple[Attack, int], ...]] = (
    (http.documents, 16), (http.variables, 8), (http.bodies, 8), (http.large_bodies, 2),
    (http.credentials_of_any_kind, 10), (http.heads, 12), (http.half_requests, 5), (http.pipelined, 2), (http.code, 12),
    (realtime.messages, 10), (realtime.frames, 6), (realtime.handshakes, 10), (realtime.storms, 3),
    (realtime.silent_readers, 2), (realtime.crowds, 3),
)  # fmt: skip
