"""The objects of the bucket: their content in files, and an index of them in SQLite.

A file is complete before the index names it, so an object is always whole. Files that the index does not name are left
from a stack that was killed, and are deleted at the next start.
"""

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

INDEX: Final = "index.db"
CONTENT: Final = "content"
LAST: Final = "\U0010ffff"  # sorts after every character of a key
SCHEMA: Final = """
create table if not exists objects (
  key text primary key, file text not null, size integer not null, etag text not null, modified real not null,
  headers text not null
) without rowid;
"""

Clock = Callable[[], datetime]
"""Returns the time, in UTC."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object.

    Attributes:
        key: Its name in the bucket.
        file: The name of the file with its content.
        size: Of the content, in bytes.
        etag: The MD5 of the content in hexadecimal digits.
        modified: In UTC.
        headers: What S3 returns with the content: its type, metadata and checksums, by lower-case header name.
    """

    key: str
    file: str
    size: int
    etag: str
    modified: datetime
    headers: Mapping[str, str]


class ObjectStore:
    """The objects of one bucket. Thread-safe.

    Args:
        folder: Created if it is missing.
        lifetimes: Days after which an object is deleted, by the beginning of its key, as a lifecycle rule does on AWS.
        clock: The time.
    """

    def __init__(self, folder: Path, *, lifetimes: Mapping[str, int], clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._content = folder / CONTENT
        self._lifetimes = {first: timedelta(days=days) for first, days in lifetimes.items()}
        self._clock = clock
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._content.mkdir(exist_ok=True, mode=0o700)
        index = folder / INDEX
        index.touch(mode=0o600)
        self._index = sqlite3.connect(index, check_same_thread=False, isolation_level=None)
        self._index.execute("pragma journal_mode = wal")
        self._index.executescript(SCHEMA)
        self.expire()
        self._delete_unnamed()

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            self._index.close()

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """A new, empty file, which only its owner may read; deleted unless `put` names it before the block ends."""
        file = self._content / str(uuid.uuid4())
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield file
        finally:
            with self._lock:
                if not self._run("select 1 from objects where file = ?", file.name):
                    file.unlink(missing_ok=True)

    def put(self, key: str, file: Path, *, etag: str, headers: Mapping[str, str]) -> StoredObject:
        """Store a staged file as an object, in place of one of the same key.

        Raises:
            FileNotFoundError: The block of `staged` has ended. The object of the key is as before.
        """
        with self._lock:  # also while the file is checked: a request that is cut off ends the block in another thread
            stored = StoredObject(key, file.name, file.stat().st_size, etag, self._clock(), headers)
            before = self.find(key)
            self._run(
                "insert or replace into objects values (?, ?, ?, ?, ?, ?)",
                key, stored.file, stored.size, etag, stored.modified.timestamp(), json.dumps(dict(headers)),
            )  # fmt: skip
            if before is not None:
                self.path_of(before).unlink(missing_ok=True)
        self.expire()
        return stored

    def find(self, key: str) -> StoredObject | None:
        """The object of this key."""
        for row in self._run("select * from objects where key = ?", key):
            return _object(row)
        return None

    def path_of(self, stored: StoredObject) -> Path:
        """The file with an object's content. It is deleted with the object, also while it is being read."""
        return self._content / stored.file

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        with self._lock:
            stored = self.find(key)
            if stored is not None:
                self._run("delete from objects where key = ?", key)
                self.path_of(stored).unlink(missing_ok=True)

    def listed(self, *, prefix: str, after: str) -> Iterator[StoredObject]:
        """The objects whose keys begin with `prefix` and are greater than `after`, in the order of their keys."""
        while rows := self._run(
            "select * from objects where key > ? and key >= ? and key < ? order by key limit 1000",
            after, prefix, prefix + LAST,
        ):  # fmt: skip
            for row in rows:
                yield _object(row)
            after = rows[-1][0]

    def expire(self) -> None:
        """Delete the objects whose lives are over."""
        now = self._clock()
        with self._lock:
            for first, life in self._lifetimes.items():
                for (key,) in self._run(
                    "select key from objects where key >= ? and key < ? and modified <= ?",
                    first, first + LAST, (now - life).timestamp(),
                ):  # fmt: skip
                    self.delete(key)

    def _delete_unnamed(self) -> None:
        named = {file for (file,) in self._run("select file from objects")}
        for file in self._content.iterdir():
            if file.name not in named:
                with suppress(OSError):  # it takes space and does no other harm
                    file.unlink()

    def _run(self, statement: str, *values: object) -> list[Any]:
        with self._lock:
            return self._index.execute(statement, values).fetchall()


def _object(row: tuple[Any, ...]) -> StoredObject:
    key, file, size, etag, modified, headers = row
    return StoredObject(key, file, size, etag, datetime.fromtimestamp(modified, UTC), json.loads(headers))
