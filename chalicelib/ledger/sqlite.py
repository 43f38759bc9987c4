"""The ledger in one SQLite file: the embedded default.

WAL mode with `synchronous=NORMAL`: what was committed survives the death of any process at any moment. Record and
projection are one transaction here, so that a projection is never behind.

Processes that write take turns, by a lock on a file beside the database. The system gives it to the next one as soon as
it is free, and also if its holder dies.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from chalicelib.jobs.model import Job, JobId, Owner, Status
from chalicelib.ledger import Clock, Page
from chalicelib.ledger.records import dump, dump_both, dump_token, load, load_page, load_token, stamp

BUSY_TIMEOUT: Final = 10.0  # seconds to wait for a writer that takes no turns, such as an older version of this code
ANY_TIME: Final = "~"  # sorts after any time
CHECKPOINT: Final = 4000  # pages of the WAL, 16 MB; from then on, each commit copies pages into the database

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS log (
  job_id TEXT NOT NULL, sequence INTEGER NOT NULL, expires_at TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (job_id, sequence)
) STRICT;
CREATE TABLE IF NOT EXISTS jobs (
  job_id TEXT PRIMARY KEY, owner TEXT NOT NULL, status TEXT NOT NULL, sequence INTEGER NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, expires_at TEXT NOT NULL, ended INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, created_at, job_id);
CREATE INDEX IF NOT EXISTS jobs_by_activity ON jobs (updated_at, job_id) WHERE NOT ended;
CREATE INDEX IF NOT EXISTS jobs_by_expiry ON jobs (expires_at);
CREATE TABLE IF NOT EXISTS admitted (
  owner TEXT NOT NULL, job_id TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (owner, job_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sweep (only INTEGER PRIMARY KEY CHECK (only = 1), position TEXT) STRICT;
"""

WRITE: Final = "INSERT OR IGNORE INTO log (job_id, sequence, expires_at, body) VALUES (?, ?, ?, ?)"
RELEASE: Final = "DELETE FROM admitted WHERE owner = ? AND job_id = ? AND at <= ?"
PROJECT: Final = """
INSERT INTO jobs (job_id, owner, status, sequence, created_at, updated_at, expires_at, ended, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (job_id) DO UPDATE SET
  owner = excluded.owner, status = excluded.status, sequence = excluded.sequence, created_at = excluded.created_at,
  updated_at = excluded.updated_at, expires_at = excluded.expires_at, ended = excluded.ended, body = excluded.body
"""
# The columns that a later record of the same log can change, except for a tombstone. SQLite writes each index of every
# column that is set, also if its value is the same.
ADVANCE: Final = "UPDATE jobs SET status = ?, sequence = ?, updated_at = ?, ended = ?, body = ? WHERE job_id = ?"


class SqliteLedger:
    """A `Ledger` in the file at `path`, which is created with its folder if it is missing."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._turn = os.open(f"{path}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._database = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
        self._database.execute("PRAGMA secure_delete = ON")  # deleted data is overwritten in the file
        self._database.executescript(SCHEMA)
        self._delete_expired()

    def close(self) -> None:
        """Close the file. The ledger cannot be used afterwards."""
        self._database.close()
        os.close(self._turn)

    def append(self, job: Job) -> bool:
        record, summary = dump_both(job)
        row = (job.job_id, job.sequence, stamp(job.expires_at), record)
        with self._writing() as cursor:
            written = cursor.execute(WRITE, row).rowcount == 1
            if not written:
                cursor.execute(
                    "DELETE FROM log WHERE job_id = ? AND sequence = ? AND expires_at <= ?", (*row[:2], self._now())
                )
                written = cursor.rowcount == 1 and cursor.execute(WRITE, row).rowcount == 1
            if written:
                _project(cursor, job, summary)
            if written and job.status.is_terminal:
                cursor.execute(RELEASE, (job.owner, job.job_id, ANY_TIME))
        return written

    def head(self, job_id: JobId) -> Job | None:
        found = self._database.execute(
            "SELECT body FROM log WHERE job_id = ? AND expires_at > ? ORDER BY sequence DESC LIMIT 1",
            (job_id, self._now()),
        ).fetchone()
        return load(found[0]) if found else None

    def read(self, job_id: JobId, *, after: int, limit: int) -> list[Job]:
        found = self._database.execute(
            "SELECT body FROM log WHERE job_id = ? AND sequence > ? AND expires_at > ? ORDER BY sequence LIMIT ?",
            (job_id, after, self._now(), limit),
        )
        return [load(body) for (body,) in found]

    def erase(self, tombstone: Job) -> None:
        records = [
            (dump(replace(tombstone, sequence=sequence)), tombstone.job_id, sequence)
            for sequence in range(1, tombstone.sequence + 1)
        ]
        with self._writing() as cursor:
            cursor.executemany("UPDATE log SET body = ? WHERE job_id = ? AND sequence = ?", records)
            cursor.execute(PROJECT, _row(tombstone, dump(tombstone)))
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or deleted data stays in the WAL for a while

    def list(self, owner: Owner, *, status: Status | None, limit: int, next_token: str | None) -> Page:
        created_at, job_id = load_token(next_token, size=2) if next_token else (ANY_TIME, "~")
        found = self._database.execute(
            "SELECT body, created_at, job_id FROM jobs WHERE owner = ? AND expires_at > ?"
            " AND (created_at, job_id) < (?, ?) AND (? IS NULL OR status = ?)"
            " ORDER BY created_at DESC, job_id DESC LIMIT ?",
            (owner, self._now(), created_at, job_id, status, status, limit + 1),
        ).fetchall()
        return _page(found, limit)

    def unfinished(self, *, idle_since: datetime, limit: int, next_token: str | None) -> Page:
        updated_at, job_id = load_token(next_token, size=2) if next_token else ("", "")
        found = self._database.execute(
            "SELECT body, updated_at, job_id FROM jobs WHERE NOT ended AND expires_at > ?"
            " AND (updated_at, job_id) > (?, ?) AND updated_at <= ? ORDER BY updated_at, job_id LIMIT ?",
            (self._now(), updated_at, job_id, stamp(idle_since), limit + 1),
        ).fetchall()
        return _page(found, limit)

    def sweep_position(self) -> str | None:
        found = self._database.execute("SELECT position FROM sweep").fetchone()
        return found[0] if found else None

    def save_sweep_position(self, position: str | None) -> None:
        with self._writing() as cursor:
            cursor.execute("INSERT OR REPLACE INTO sweep (only, position) VALUES (1, ?)", (position,))

    def admit(self, owner: Owner, job_id: JobId, *, limit: int) -> bool:
        with self._writing() as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO admitted (owner, job_id, at) SELECT ?1, ?2, ?3"
                " WHERE (SELECT count(*) FROM admitted WHERE owner = ?1 AND job_id != ?2) < ?4"
                " OR EXISTS (SELECT 1 FROM admitted WHERE owner = ?1 AND job_id = ?2)",
                (owner, job_id, self._now(), limit),
            )
            return cursor.rowcount == 1

    def admitted(self, owner: Owner) -> dict[JobId, datetime]:
        found = self._database.execute("SELECT job_id, at FROM admitted WHERE owner = ?", (owner,))
        return {JobId(job_id): datetime.fromisoformat(at) for job_id, at in found}

    def release(self, owner: Owner, job_id: JobId, *, admitted_at: datetime | None = None) -> None:
        with self._writing() as cursor:
            cursor.execute(RELEASE, (owner, job_id, stamp(admitted_at) if admitted_at else ANY_TIME))

    def _now(self) -> str:
        return stamp(self._clock())

    def _delete_expired(self) -> None:
        now = self._now()
        with self._writing() as cursor:
            cursor.execute(
                "DELETE FROM log WHERE job_id IN (SELECT job_id FROM jobs WHERE expires_at <= ?) AND expires_at <= ?",
                (now, now),
            )
            cursor.execute("DELETE FROM jobs WHERE expires_at <= ?", (now,))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """A write transaction. Processes take turns: SQLite alone would sleep and try again."""
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        try:
            with closing(self._database.cursor()) as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    yield cursor
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)


def _project(cursor: sqlite3.Cursor, job: Job, summary: str) -> None:
    """Write the projection of a record that was just written."""
    if job.sequence > 1:
        ended = int(job.status.is_terminal)
        cursor.execute(ADVANCE, (job.status, job.sequence, stamp(job.updated_at), ended, summary, job.job_id))
        if cursor.rowcount == 1:
            return
    cursor.execute(PROJECT, _row(job, summary))


def _row(job: Job, summary: str) -> tuple[str | int, ...]:
    owner = job.owner if job.deleted_at is None else ""  # no caller has an empty owner, so no list contains the job
    return (
        job.job_id, owner, job.status, job.sequence, stamp(job.created_at), stamp(job.updated_at),
        stamp(job.expires_at), int(job.status.is_terminal), summary,
    )  # fmt: skip


def _page(found: list[tuple[str, str, str]], limit: int) -> Page:
    token = dump_token([*found[limit - 1][1:]]) if len(found) > limit else None
    return load_page((body for body, _, _ in found[:limit]), token)
