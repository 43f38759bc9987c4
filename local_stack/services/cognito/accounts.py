"""What operations on users have in common: names, passwords and codes."""

import logging
import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from local_stack.services.cognito.errors import CognitoError, invalid_parameter, no_such_user
from local_stack.services.cognito.pool import Pool, User
from local_stack.services.cognito.srp import Verifier
from local_stack.services.cognito.users import Clock, PoolUser, Purpose, Users, UserStatus

CODE_LIFE: Final = timedelta(hours=1)  # a code for a forgotten password; a sign-up's is valid for a day
SIGN_UP_CODE_LIFE: Final = timedelta(days=1)

VERIFIED: Final = {"email_verified": "true"}

_log: Final = logging.getLogger("longcall.cognito")


class Accounts:
    """The users of one pool, with the rules that apply to all operations.

    Args:
        pool: The pool.
        users: Its database.
        clock: The time, in UTC.
    """

    def __init__(self, pool: Pool, users: Users, clock: Clock) -> None:
        self.pool = pool
        self.users = users
        self.clock = clock
        self._test_passwords: dict[str, str] = {}  # by `sub`

    def check_client(self, client_id: str) -> None:
        """Accept the pool's only client.

        Raises:
            CognitoError: It is another one.
        """
        if client_id != self.pool.client_id:
            raise CognitoError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")

    def check_pool(self, pool_id: str) -> None:
        """Accept this pool.

        Raises:
            CognitoError: It is another one.
        """
        if pool_id != self.pool.pool_id:
            raise CognitoError("ResourceNotFoundException", f"User pool {pool_id} does not exist.")

    def known(self, name: str) -> PoolUser:
        """The user of this name.

        Raises:
            CognitoError: There is no such user.
        """
        user = self.users.find(name)
        if user is None:
            raise no_such_user()
        return user

    def email_of(self, username: str, attributes: Mapping[str, str]) -> str:
        """The e-mail address of a new user, whose name it is.

        Raises:
            CognitoError: The name is not an e-mail address, or the attributes have another one.
        """
        name, at, domain = username.partition("@")
        if not name or not at or not domain or any(it.isspace() for it in username) or "@" in domain:
            raise invalid_parameter("Username should be an email.")
        if attributes.get("email", username).lower() != username.lower():
            raise invalid_parameter("The attribute email must be the same as the username.")
        return username.lower()

    def with_password(self, user: PoolUser, password: str, status: UserStatus) -> PoolUser:
        """The user with a new password, which is not stored yet.

        Raises:
            CognitoError: The password does not conform with the pool's policy.
        """
        for problem in self.pool.rules.password_problems(password):
            raise CognitoError("InvalidPasswordException", f"Password did not conform with policy: {problem}")
        return replace(user, verifier=self._verifier(user, password), status=status, modified=self.clock())

    def verifier_of(self, user: PoolUser) -> Verifier | None:
        """The verifier of the user's password; None if the user has no password.

        A test user's is made when it is first needed: it takes 20 ms, and a stack may have 100 test users.
        """
        known = self._test_passwords.get(user.sub)
        if user.verifier is not None or known is None:
            return user.verifier
        verifier = self._verifier(user, known)
        self.users.replace(replace(user, verifier=verifier))
        return verifier

    def provide_test_users(self) -> tuple[User, ...]:
        """Create the pool's test users, and give those that exist their documented passwords again.

        Returns:
            The test users, each with the `sub` of the user who has the e-mail address.
        """
        with self.users.transaction():
            return tuple(self._provide(user) for user in self.pool.users)

    def _provide(self, known: User) -> User:
        user, now = self.users.find(known.username), self.clock()
        if user is None:
            self.users.add(PoolUser(known.sub, known.username, UserStatus.CONFIRMED, now, now, attributes=VERIFIED))
        elif user.verifier is not None or not user.enabled or user.status is not UserStatus.CONFIRMED:
            self.users.replace(replace(user, verifier=None, enabled=True, status=UserStatus.CONFIRMED))
        provided = known if user is None else replace(known, sub=user.sub)
        self._test_passwords[provided.sub] = known.password
        return provided

    def _verifier(self, user: PoolUser, password: str) -> Verifier:
        return Verifier.of(password, pool_name=self.pool.name_for_srp, username=user.sub)

    def has_password(self, user: PoolUser, password: str) -> bool:
        """Whether this is the user's password."""
        verifier = self.verifier_of(user)
        return verifier is not None and verifier.fits(password, pool_name=self.pool.name_for_srp, username=user.sub)

    def send_code(self, user: PoolUser, purpose: Purpose) -> dict[str, str]:
        """Store a new code, and log it in place of an e-mail. Returns Cognito's CodeDeliveryDetails."""
        code = f"{secrets.randbelow(1_000_000):06d}"
        life = SIGN_UP_CODE_LIFE if purpose is Purpose.SIGN_UP else CODE_LIFE
        self.users.expect_code(user, purpose, code, expires=self.clock().timestamp() + life.total_seconds())
        _log.warning(
            "no e-mail is sent on this machine; the %s code of %s is %s", purpose.value, user.email, code,
            extra={"event": "cognito_code"},
        )  # fmt: skip
        return delivery(user.email)

    def send_password(self, user: PoolUser, password: str) -> None:
        """Log a temporary password in place of an e-mail."""
        _log.warning(
            "no e-mail is sent on this machine; the temporary password of %s is %s", user.email, password,
            extra={"event": "cognito_temporary_password"},
        )  # fmt: skip


def delivery(email: str) -> dict[str, str]:
    """Cognito's CodeDeliveryDetails: the address with most letters hidden."""
    name, _, domain = email.partition("@")
    return {"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": f"{name[:1]}***@{domain[:1]}***"}


def temporary_password(length: int) -> str:
    """A password that every policy accepts."""
    letters = string.ascii_letters + string.digits
    return "Aa1!" + "".join(secrets.choice(letters) for _ in range(max(length, 12) - 4))
