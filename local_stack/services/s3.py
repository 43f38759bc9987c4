"""S3 on one machine: moto's, with the objects of one bucket in files.

moto keeps its objects in memory, and a stack that is started again, or was killed, has to have them still. So every
object is in a file before the answer to its request goes out, and moto is given them back when it starts. Reads come
from the files too: memory stays small, however much is kept.
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

BUCKET: Final = "longcall-local"
STAGED: Final = ".new"  # ends the name of a file that is being written; no object's ends so
CHANGING: Final = frozenset({"PUT", "POST", "DELETE"})

Clock = Callable[[], datetime]


class KeptObjects:
    """A WSGI application around moto's, in whose S3 it makes the bucket and keeps it.

    Args:
        application: moto's.
        folder: Where the files are; made where it is missing.
        region: Of the bucket.
        lifetimes: Days after which an object goes, by the first part of its key: what a lifecycle rule does on AWS.
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
        self._kept: dict[str, FakeKey] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._load()
        self._expire()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(f"/{BUCKET}/"):
            return self._application(environ, start_response)
        with self._lock:  # nothing has been sent when the application returns: the server sends what it returned
            answer = self._application(environ, start_response)
            if environ["REQUEST_METHOD"] in CHANGING:
                self._keep()
                self._expire()
            return answer

    def _load(self) -> None:
        for file in self._folder.iterdir():
            if file.name.endswith(STAGED):
                file.unlink()  # its request was never answered
                continue
            key = self._backend.put_object(BUCKET, unquote(file.name), b"")
            written = file.stat()
            key.last_modified = datetime.fromtimestamp(written.st_mtime, UTC).replace(tzinfo=None)  # as moto's are
            key.contentsize = written.st_size
            self._read_from(file, key)

    def _keep(self) -> None:
        """Write what moto has and the folder has not, and remove what moto has no longer."""
        present = dict(self._bucket.keys.items())
        for name, key in present.items():
            if self._kept.get(name) is not key:
                file = self._file(name)
                staged = file.with_name(file.name + STAGED)
                staged.write_bytes(key.value)
                staged.replace(file)
                self._read_from(file, key)
        for name in self._kept.keys() - present.keys():
            self._file(name).unlink(missing_ok=True)
            del self._kept[name]

    def _expire(self) -> None:
        now = self._clock().replace(tzinfo=None)
        expired = [
            name
            for name, key in self._kept.items()
            for first, life in self._lifetimes.items()
            if name.startswith(first) and key.last_modified + life <= now
        ]
        for name in expired:
            self._backend.delete_object(BUCKET, name)
        if expired:
            self._keep()

    def _read_from(self, file: Path, key: "FakeKey") -> None:
        key._value_buffer.close()
        key._value_buffer = _Content(file)  # type: ignore[assignment]  # moto asks no more of it than this
        self._kept[key.name] = key

    def _file(self, name: str) -> Path:
        return self._folder / quote(name, safe="")


class _Content:
    """The content of a file, opened only while it is read."""

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
        """Nothing is open."""
