"""What users do with their own accounts: signing up, passwords, attributes, signing out.

Source: Amazon Cognito user pools API Reference; Amazon Cognito Developer Guide, "Managing error responses" (what a
caller learns about users who do not exist).
"""

import uuid
from dataclasses import replace
from typing import Any, Final

from infrastructure.stage import SignUp
from local_stack.services.cognito.accounts import Accounts, delivery
from local_stack.services.cognito.errors import (
    CognitoError,
    expired_code,
    invalid_parameter,
    not_authorized,
    wrong_code,
    wrong_password,
)
from local_stack.services.cognito.parameters import Parameters, attributes, listed, text
from local_stack.services.cognito.tokens import Tokens
from local_stack.services.cognito.users import EmailTaken, PoolUser, Purpose, UserStatus

READ_ONLY: Final = frozenset({"email", "email_verified", "phone_number_verified"})  # in UpdateUserAttributes


class OwnAccount:
    """The operations."""

    def __init__(self, accounts: Accounts, tokens: Tokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    def sign_up(self, parameters: Parameters) -> dict[str, Any]:
        """SignUp."""
        self._accounts.check_client(text(parameters, "ClientId"))
        if self._accounts.pool.rules.sign_up is not SignUp.ANYBODY:
            raise not_authorized("SignUp is not permitted for this user pool")
        username, password = text(parameters, "Username"), text(parameters, "Password")
        given = attributes(parameters)
        email = self._accounts.email_of(username, given)
        now = self._accounts.clock()
        user = PoolUser(
            sub=str(uuid.uuid4()), email=email, status=UserStatus.UNCONFIRMED, created=now, modified=now,
            attributes={**{name: it for name, it in given.items() if name not in READ_ONLY}, "email_verified": "false"},
        )  # fmt: skip
        user = self._accounts.with_password(user, password, UserStatus.UNCONFIRMED)
        try:
            self._accounts.users.add(user)
        except EmailTaken:
            raise CognitoError("UsernameExistsException", "An account with the given email already exists.") from None
        details = self._accounts.send_code(user, Purpose.SIGN_UP)
        return {"UserConfirmed": False, "UserSub": user.sub, "CodeDeliveryDetails": details}

    def confirm_sign_up(self, parameters: Parameters) -> dict[str, Any]:
        """ConfirmSignUp."""
        self._accounts.check_client(text(parameters, "ClientId"))
        code = text(parameters, "ConfirmationCode")
        user = self._accounts.users.find(text(parameters, "Username"))
        if user is None:
            raise expired_code()
        if user.status is not UserStatus.UNCONFIRMED:
            raise not_authorized(f"User cannot be confirmed. Current status is {user.status.value}")
        self._take_code(user, Purpose.SIGN_UP, code)
        self._store(replace(user, status=UserStatus.CONFIRMED, attributes=_verified(user)))
        return {}

    def resend_code(self, parameters: Parameters) -> dict[str, Any]:
        """ResendConfirmationCode."""
        self._accounts.check_client(text(parameters, "ClientId"))
        username = text(parameters, "Username")
        user = self._accounts.users.find(username)
        if user is None:
            return {"CodeDeliveryDetails": delivery(username)}
        if user.status is not UserStatus.UNCONFIRMED:
            raise invalid_parameter("User is already confirmed.")
        return {"CodeDeliveryDetails": self._accounts.send_code(user, Purpose.SIGN_UP)}

    def forgot_password(self, parameters: Parameters) -> dict[str, Any]:
        """ForgotPassword."""
        self._accounts.check_client(text(parameters, "ClientId"))
        username = text(parameters, "Username")
        user = self._accounts.users.find(username)
        if user is None:
            return {"CodeDeliveryDetails": delivery(username)}
        if not user.enabled:
            raise not_authorized("User is disabled.")
        if user.status is UserStatus.FORCE_CHANGE_PASSWORD:
            raise not_authorized("User password cannot be reset in the current state.")
        if user.attributes.get("email_verified") != "true":
            raise invalid_parameter(
                "Cannot reset password for the user as there is no registered/verified email or phone_number"
            )
        return {"CodeDeliveryDetails": self._accounts.send_code(user, Purpose.PASSWORD)}

    def confirm_forgot_password(self, parameters: Parameters) -> dict[str, Any]:
        """ConfirmForgotPassword."""
        self._accounts.check_client(text(parameters, "ClientId"))
        code, password = text(parameters, "ConfirmationCode"), text(parameters, "Password")
        user = self._accounts.users.find(text(parameters, "Username"))
        if user is None:
            raise wrong_code()
        changed = self._accounts.with_password(user, password, UserStatus.CONFIRMED)
        self._take_code(user, Purpose.PASSWORD, code)
        self._store(replace(changed, attributes=_verified(user)))
        return {}

    def get(self, parameters: Parameters) -> dict[str, Any]:
        """GetUser."""
        user = self._caller(parameters)
        return {"Username": user.sub, "UserAttributes": listed(user.all_attributes)}

    def change_password(self, parameters: Parameters) -> dict[str, Any]:
        """ChangePassword."""
        user = self._caller(parameters)
        before, proposed = text(parameters, "PreviousPassword"), text(parameters, "ProposedPassword")
        if not self._accounts.has_password(user, before):
            raise wrong_password()
        self._store(self._accounts.with_password(user, proposed, UserStatus.CONFIRMED))
        return {}

    def update_attributes(self, parameters: Parameters) -> dict[str, Any]:
        """UpdateUserAttributes."""
        user = self._caller(parameters)
        given = attributes(parameters)
        for name in sorted(READ_ONLY & given.keys()):
            raise not_authorized(f"A client attempted to write unauthorized attribute: {name}")
        self._store(replace(user, attributes={**user.attributes, **given}))
        return {"CodeDeliveryDetailsList": []}

    def delete(self, parameters: Parameters) -> dict[str, Any]:
        """DeleteUser."""
        self._accounts.users.delete(self._caller(parameters))
        return {}

    def sign_out(self, parameters: Parameters) -> dict[str, Any]:
        """GlobalSignOut."""
        self._accounts.users.revoke_all(self._caller(parameters).sub)
        return {}

    def revoke(self, parameters: Parameters) -> dict[str, Any]:
        """RevokeToken. A token that is not known counts as revoked, as RFC 7009 says."""
        self._accounts.check_client(text(parameters, "ClientId"))
        session = self._accounts.users.session_of(text(parameters, "Token"))
        if session is not None:
            self._accounts.users.revoke(session)
        return {}

    def _caller(self, parameters: Parameters) -> PoolUser:
        return self._tokens.owner(text(parameters, "AccessToken"))

    def _take_code(self, user: PoolUser, purpose: Purpose, code: str) -> None:
        is_right = self._accounts.users.take_code(user, purpose, code, now=self._accounts.clock().timestamp())
        if is_right is None:
            raise expired_code()
        if not is_right:
            raise wrong_code()

    def _store(self, user: PoolUser) -> None:
        self._accounts.users.replace(replace(user, modified=self._accounts.clock()))


def _verified(user: PoolUser) -> dict[str, str]:
    return {**user.attributes, "email_verified": "true"}
