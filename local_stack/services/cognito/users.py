"""The users of a pool, their codes and their sign-ins, in a SQLite database of the data folder.

Passwords are stored as verifiers only. Refresh tokens are stored as digests.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from local_stack.services.cognito.srp import Verifier

Clock = Callable[[], datetime]
"""Returns the time, in UTC."""

MOST_WRONG_CODES: Final = 5  # then a new code must be requested
SCHEMA: Final = """
create table if not exists users (
  sub text primary key, email text not null unique, salt text, verifier text, status text not null,
  enabled integer not null, attributes text not null, created real not null, modified real not null
);
create table if not exists codes (
  sub text not null, purpose text not null, code text not null, expires real not null, wrong integer not null,
  primary key (sub, purpose)
);
create table if not exists sessions (
  id text primary key, sub text not null, refresh text not null unique, authenticated real not null,
  expires real not null, revoked integer not null
);
"""


class UserStatus(StrEnum):
    """Cognito's UserStatus."""

    UNCONFIRMED = "UNCONFIRMED"
    CONFIRMED = "CONFIRMED"
    FORCE_CHANGE_PASSWORD = "FORCE_CHANGE_PASSWORD"  # noqa: S105  # a status
    RESET_REQUIRED = "RESET_REQUIRED"


class Purpose(StrEnum):
    """What a code confirms."""

    SIGN_UP = "sign-up"
    PASSWORD = "password"  # noqa: S105  # the purpose of a code


class EmailTaken(Exception):
    """Another user has this e-mail address."""


@dataclass(frozen=True, slots=True)
class PoolUser:
    """A user of the pool.

    Attributes:
        sub: Also the user's name: the pool's users sign in with their e-mail address.
        email: In lower case.
        status: Whether the user may sign in.
        created: In UTC.
        modified: In UTC.
        enabled: Whether an operator lets the user sign in.
        verifier: Of the password; None if the user has none.
        attributes: Further attributes by name, `email_verified` among them; all values are texts.
    """

    sub: str
    email: str
    status: UserStatus
    created: datetime
    modified: datetime
    enabled: bool = True
    verifier: Verifier | None = field(default=None, repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_attributes(self) -> dict[str, str]:
        """As Cognito lists them."""
        return {"email": self.email, **self.attributes, "sub": self.sub}


@dataclass(frozen=True, slots=True)
class SignInSession:
    """What began with one sign-in and lasts until its refresh token expires.

    Attributes:
        id: `origin_jti` of its tokens.
        sub: Whose it is.
        authenticated: Time of the sign-in, in seconds since 1970.
        expires: Time at which the refresh token expires.
        revoked: Whether its tokens were revoked.
    """

    id: str
    sub: str
    authenticated: float
    expires: float
    revoked: bool


class Users:
    """The database. Thread-safe."""

    def __init__(self, file: Path) -> None:
        file.touch(mode=0o600)
        file.chmod(0o600)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def find(self, name: str) -> PoolUser | None:
        """The user with this e-mail address, in any case of letters, or with this `sub`."""
        for user in self._users("where sub = ? or email = ?", name, name.lower()):
            return user
        return None

    def page(self, *, after: str, most: int) -> list[PoolUser]:
        """The next users in the order of their `sub`s; `after` is the last one's that the caller has, or empty."""
        return list(self._users("where sub > ? order by sub limit ?", after, most))

    def add(self, user: PoolUser) -> None:
        """Add a user.

        Raises:
            EmailTaken: Another user has the e-mail address.
        """
        try:
            self._run("insert into users values (?, ?, ?, ?, ?, ?, ?, ?, ?)", *_row(user))
        except sqlite3.IntegrityError:
            raise EmailTaken from None

    def replace(self, user: PoolUser) -> None:
        """Store a changed user.

        Raises:
            EmailTaken: Another user has the new e-mail address.
        """
        sub, *values = _row(user)
        try:
            self._run(
                "update users set email = ?, salt = ?, verifier = ?, status = ?, enabled = ?, attributes = ?, "
                "created = ?, modified = ? where sub = ?",
                *values,
                sub,
            )
        except sqlite3.IntegrityError:
            raise EmailTaken from None

    def delete(self, user: PoolUser) -> None:
        """Delete a user with all codes and sign-ins."""
        with self.transaction():
            for table in ("users", "codes", "sessions"):
                self._run(f"delete from {table} where sub = ?", user.sub)  # noqa: S608  # names from above

    def expect_code(self, user: PoolUser, purpose: Purpose, code: str, *, expires: float) -> None:
        """Store a code in place of an earlier one for the same purpose."""
        self._run("insert or replace into codes values (?, ?, ?, ?, 0)", user.sub, purpose, code, expires)

    def take_code(self, user: PoolUser, purpose: Purpose, code: str, *, now: float) -> bool | None:
        """Whether a code is right; it can be used once. None: no code is expected, or no longer."""
        with self.transaction():
            rows = self._run("select code, expires, wrong from codes where sub = ? and purpose = ?", user.sub, purpose)
            if not rows or rows[0][1] <= now or rows[0][2] >= MOST_WRONG_CODES:
                return None
            if rows[0][0] != code:
                self._run("update codes set wrong = wrong + 1 where sub = ? and purpose = ?", user.sub, purpose)
                return False
            self._run("delete from codes where sub = ? and purpose = ?", user.sub, purpose)
            return True

    def begin_session(self, session: SignInSession, refresh_token: str) -> None:
        """Store a sign-in, and forget those whose refresh tokens have expired."""
        self._run("delete from sessions where expires <= ?", session.authenticated)
        self._run(
            "insert into sessions values (?, ?, ?, ?, ?, 0)",
            session.id, session.sub, _digest(refresh_token), session.authenticated, session.expires,
        )  # fmt: skip

    def session_of(self, refresh_token: str) -> SignInSession | None:
        """The sign-in that a refresh token belongs to."""
        return self._session("refresh = ?", _digest(refresh_token))

    def session(self, id_: str) -> SignInSession | None:
        """The sign-in with this id."""
        return self._session("id = ?", id_)

    def revoke(self, session: SignInSession) -> None:
        """Revoke the tokens of one sign-in."""
        self._run("update sessions set revoked = 1 where id = ?", session.id)

    def revoke_all(self, sub: str) -> None:
        """Revoke the tokens of all sign-ins of a user."""
        self._run("update sessions set revoked = 1 where sub = ?", sub)

    def _session(self, condition: str, value: str) -> SignInSession | None:
        query = f"select id, sub, authenticated, expires, revoked from sessions where {condition}"  # noqa: S608
        for id_, sub, authenticated, expires, revoked in self._run(query, value):
            return SignInSession(id_, sub, authenticated, expires, bool(revoked))
        return None

    def _users(self, condition: str, *values: object) -> Iterator[PoolUser]:
        for row in self._run(f"select * from users {condition}", *values):  # noqa: S608  # conditions from above
            yield _user(row)

    def _run(self, statement: str, *values: object) -> list[Any]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes in the block are stored together, or none if it raises. Transactions cannot be nested."""
        with self._lock:
            self._database.execute("begin immediate")
            with self._database:
                yield


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _row(user: PoolUser) -> tuple[str | float | int | None, ...]:
    salt, value = (None, None) if user.verifier is None else (f"{user.verifier.salt:x}", f"{user.verifier.value:x}")
    return (
        user.sub, user.email, salt, value, user.status.value, int(user.enabled), json.dumps(dict(user.attributes)),
        user.created.timestamp(), user.modified.timestamp(),
    )  # fmt: skip


def _user(row: tuple[Any, ...]) -> PoolUser:
    sub, email, salt, value, status, enabled, attributes, created, modified = row
    return PoolUser(
        sub=sub,
        email=email,
        status=UserStatus(status),
        created=datetime.fromtimestamp(created, UTC),
        modified=datetime.fromtimestamp(modified, UTC),
        enabled=bool(enabled),
        verifier=None if salt is None else Verifier(int(salt, 16), int(value, 16)),
        attributes=json.loads(attributes),
    )
