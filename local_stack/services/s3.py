"""The S3 of a local stack: moto's, with the objects of one bucket stored in files.

moto stores objects in memory, and a restarted stack must still have them. So every object is written to a file before
its request is answered, and loaded into moto at the next start. Reads use the files too, which keeps memory use small.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from moto.s3.models import FakeKey
    from werkzeug.wrappers import Response

BUCKET: Final = "longcall-local"
STAGED: Final = ".new"  # suffix of a file that is being written; no object's file name ends with it
# boto3 tries again after this error. Source: Amazon S3 API Reference, "Error responses".
UNAVAILABLE: Final = b"<Error><Code>SlowDown</Code><Message>The object was not stored: no space.</Message></Error>"
LONGEST_NAME: Final = 255 - len(STAGED)  # bytes of an object's file name, on the usual file systems
TOO_LONG: Final = b"<Error><Code>KeyTooLongError</Code><Message>The key is too long for a file name.</Message></Error>"
CHANGING: Final = frozenset({"PUT", "POST", "DELETE"})

Clock = Callable[[], datetime]


class PersistentObjects:
    """A WSGI application around moto's that creates the bucket in moto's S3 and stores its objects in files.

    Args:
        application: moto's application.
        folder: Folder of the files; created if it is missing.
        region: Region of the bucket.
        lifetimes: Days after which an object is deleted, by the prefix of its key, as a lifecycle rule does on AWS.
        clock: The time, in UTC.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        folder: Path,
        *,
        region: str,
        lifetimes: Mapping[str, int],
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        self._application = application
        self._folder = folder
        self._lifetimes = {first: timedelta(days=days) for first, days in lifetimes.items()}
        self._clock = clock
        self._backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._bucket = self._backend.create_bucket(BUCKET, region)
        self._stored: dict[str, FakeKey] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._load()
        self._expire()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(f"/{BUCKET}/"):
            return self._application(environ, start_response)
        with self._lock:
            if environ["REQUEST_METHOD"] not in CHANGING:
                return self._application(environ, start_response)
            answer = self._change(environ)
        return answer(environ, start_response)

    def _change(self, environ: "WSGIEnvironment") -> "Response":
        """The answer to a request that changes objects. They are stored before it is sent."""
        from werkzeug.wrappers import Response

        key = environ["PATH_INFO"].removeprefix(f"/{BUCKET}/")
        if len(self._file(key).name) > LONGEST_NAME:
            return Response(TOO_LONG, 400, content_type="application/xml")
        answer = Response.from_app(self._application, environ, buffered=True)
        not_stored = self._store_changes()
        self._expire()
        if key in not_stored:  # the disk is full; the next change stores what this one did not
            return Response(UNAVAILABLE, 503, content_type="application/xml")
        return answer

    def _load(self) -> None:
        for file in self._folder.iterdir():
            if file.name.endswith(STAGED):
                file.unlink()  # the stack was killed before the request was answered
                continue
            key = self._backend.put_object(BUCKET, unquote(file.name), b"")
            written = file.stat()
            key.last_modified = datetime.fromtimestamp(written.st_mtime, UTC).replace(tzinfo=None)  # as moto has it
            key.contentsize = written.st_size
            self._read_from(file, key)

    def _store_changes(self) -> frozenset[str]:
        """Write new objects to files, and delete the files of deleted objects. Returns the keys for which this failed.

        One object that cannot be written keeps no other one from being written.
        """
        present = dict(self._bucket.keys.items())
        failed = set()
        for name, key in present.items():
            if self._stored.get(name) is not key:
                file = self._file(name)
                staged = file.with_name(file.name + STAGED)
                try:
                    staged.write_bytes(key.value)
                    staged.replace(file)
                except OSError:
                    failed.add(name)
                else:
                    self._read_from(file, key)
        for name in self._stored.keys() - present.keys():
            try:
                self._file(name).unlink(missing_ok=True)
            except OSError:
                failed.add(name)
            else:
                del self._stored[name]
        return frozenset(failed)

    def _expire(self) -> None:
        now = self._clock().replace(tzinfo=None)
        expired = [
            name
            for name, key in self._stored.items()
            for first, life in self._lifetimes.items()
            if name.startswith(first) and key.last_modified + life <= now
        ]
        for name in expired:
            self._backend.delete_object(BUCKET, name)
        if expired:
            self._store_changes()

    def _read_from(self, file: Path, key: "FakeKey") -> None:
        key._value_buffer.close()
        key._value_buffer = _Content(file)  # type: ignore[assignment]  # moto uses only these methods
        self._stored[key.name] = key

    def _file(self, name: str) -> Path:
        return self._folder / quote(name, safe="")


class _Content:
    """The content of a file, which is open only while it is read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0

    def seek(self, at: int) -> None:
        self._at = at

    def read(self, size: int = -1) -> bytes:
        with self._file.open("rb") as opened:
            opened.seek(self._at)
            content = opened.read(size)
        self._at += len(content)
        return content

    def close(self) -> None:
        """Nothing is open between reads."""
