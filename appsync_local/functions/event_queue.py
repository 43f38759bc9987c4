"""The events accepted and not yet done with, in one SQLite file: an `Event` invocation outlives every process.

No clock and no policy in here: moments are arguments, in seconds since the epoch. An event that is being tried has no
due moment; `open` gives one to all that a killed engine was trying, so that they are tried again under the same id.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appsync_local.errors import EngineError
from appsync_local.functions.database_check import find_damage

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS events (
    request_id TEXT PRIMARY KEY,
    function   TEXT NOT NULL,
    payload    BLOB NOT NULL,     -- JSON
    accepted   REAL NOT NULL,
    due        REAL,              -- NULL while it is being tried
    attempts   INTEGER NOT NULL DEFAULT 0,
    error      BLOB               -- of the last attempt, JSON
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_due ON events (function, due, accepted) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_accepted ON events (function, accepted) WHERE due IS NOT NULL;
"""


class QueueInUse(EngineError):
    """Another engine has the file; two would each deliver every event."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"the event queue {path} is in use by another running stack; stop that one, or choose another folder"
        )


class QueueUnusable(EngineError):
    """The file cannot be opened, or is not a queue."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"the event queue {path} must be a SQLite file this user can write, and is not: {reason}")


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """One asynchronous invocation.

    Attributes:
        payload: The event as JSON.
        accepted: When the caller got its request id.
        attempts: How many have failed so far.
        error: What the last of them left behind, as JSON.
    """

    request_id: str
    function: str
    payload: bytes
    accepted: float
    attempts: int = 0
    error: bytes | None = None


class EventQueue:
    """Every method is one transaction, durable against the death of this process when it returns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> "EventQueue":
        """Open or create the queue; events that were being tried are due again.

        Raises:
            QueueInUse: Another process has it open.
            QueueUnusable: It cannot be opened, or is not an SQLite file.
        """
        try:
            damage = find_damage(path)
        except sqlite3.Error as error:
            raise _not_opened(path, error) from error
        if damage is not None:
            raise QueueUnusable(path, f"it is damaged ({damage}). Move it away to start; its events are lost then")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))  # payloads are their owner's business
            connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise QueueUnusable(path, str(error)) from error
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # kept from the first access until the process ends
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            connection.execute("UPDATE events SET due = accepted WHERE due IS NULL")
        except sqlite3.Error as error:
            connection.close()
            raise _not_opened(path, error) from error
        return cls(connection)

    def close(self) -> None:
        self._connection.close()

    def correct_times(self, *, now: float, longest_wait: float) -> None:
        """Let no event wait because the clock was set back since it was stored.

        Args:
            now: The time; no event was accepted after it.
            longest_wait: Seconds that an event waits for its next attempt at most.
        """
        self._connection.execute(
            "UPDATE events SET accepted = MIN(accepted, ?), due = ? WHERE accepted > ? OR due > ?",
            (now, now, now, now + longest_wait),
        )

    def accept(self, event: QueuedEvent) -> None:
        """Add a new event, due at once."""
        self._insert(event, due=event.accepted)

    def accept_claimed(self, event: QueuedEvent) -> None:
        """Add a new event that is being tried: `accept` and `claim` in one write."""
        self._insert(event, due=None)

    def claim(self, function: str, *, now: float) -> QueuedEvent | None:
        """The event of this function that has been due longest, now being tried; None when none is due."""
        return self._take(
            "SELECT request_id FROM events WHERE function = ? AND due <= ? ORDER BY due, accepted LIMIT 1",
            (function, now),
        )

    def claim_expired(self, function: str, *, accepted_before: float) -> QueuedEvent | None:
        """An event of this function that was accepted by then and is not being tried; taken as by `claim`."""
        return self._take(
            "SELECT request_id FROM events WHERE function = ? AND accepted <= ? AND due IS NOT NULL"
            " ORDER BY accepted LIMIT 1",
            (function, accepted_before),
        )

    def retry(self, request_id: str, *, due: float, error: bytes) -> None:
        """Record a failed attempt and wait for the next."""
        self._connection.execute(
            "UPDATE events SET due = ?, attempts = attempts + 1, error = ? WHERE request_id = ?",
            (due, error, request_id),
        )

    def postpone(self, request_id: str, *, due: float) -> None:
        """Wait for the next attempt, the last one having been none."""
        self._connection.execute("UPDATE events SET due = ? WHERE request_id = ?", (due, request_id))

    def remove(self, request_id: str) -> None:
        """Be done with an event."""
        self._connection.execute("DELETE FROM events WHERE request_id = ?", (request_id,))

    def replace(self, request_id: str, successor: QueuedEvent) -> None:
        """Be done with an event and accept another, both or neither."""
        with self._transaction():
            self.remove(request_id)
            self._insert(successor, due=successor.accepted)

    def first_due(self, function: str) -> float | None:
        """When the next event of this function is, or was, due."""
        return self._moment("SELECT MIN(due) FROM events WHERE function = ? AND due IS NOT NULL", function)

    def first_accepted(self, function: str) -> float | None:
        """When the oldest event of this function that is not being tried was accepted."""
        return self._moment("SELECT MIN(accepted) FROM events WHERE function = ? AND due IS NOT NULL", function)

    def state(self) -> tuple[int, float | None]:
        """How many events there are, those that are being tried too, and when the oldest was accepted."""
        length, oldest = self._connection.execute("SELECT COUNT(*), MIN(accepted) FROM events").fetchone()
        return length, oldest

    def functions(self) -> frozenset[str]:
        """Those that have events."""
        return frozenset(name for (name,) in self._connection.execute("SELECT DISTINCT function FROM events"))

    def _insert(self, event: QueuedEvent, *, due: float | None) -> None:
        self._connection.execute(
            "INSERT INTO events (request_id, function, payload, accepted, due) VALUES (?, ?, ?, ?, ?)",
            (event.request_id, event.function, event.payload, event.accepted, due),
        )

    def _take(self, choice: str, arguments: tuple[str, float]) -> QueuedEvent | None:
        rows = self._connection.execute(
            f"UPDATE events SET due = NULL WHERE request_id = ({choice})"  # noqa: S608  # `choice` is a literal above
            " RETURNING request_id, function, payload, accepted, attempts, error",
            arguments,
        ).fetchall()
        return QueuedEvent(*rows[0]) if rows else None

    def _moment(self, query: str, function: str) -> float | None:
        found: float | None = self._connection.execute(query, (function,)).fetchone()[0]
        return found

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _not_opened(path: Path, error: sqlite3.Error) -> EngineError:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return QueueInUse(path)
    return QueueUnusable(path, str(error))
