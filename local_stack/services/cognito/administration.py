"""What operators do with a pool and its users.

Source: Amazon Cognito user pools API Reference, the operations whose names begin with Admin, ListUsers,
DescribeUserPool and DescribeUserPoolClient.
"""

import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from infrastructure.protection import Flow
from infrastructure.stage import SignUp
from local_stack.services.cognito.accounts import Accounts, temporary_password
from local_stack.services.cognito.errors import CognitoError, invalid_parameter, not_authorized
from local_stack.services.cognito.parameters import Parameters, attributes, listed, optional_text, text
from local_stack.services.cognito.pool import NAME, TOKEN_LIFE
from local_stack.services.cognito.users import EmailTaken, PoolUser, Purpose, UserStatus

PAGE: Final = 60  # users, at most
_FILTER: Final = re.compile(r"""\s*"?(?P<name>[\w:]+)"?\s*(?P<how>\^?=)\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*""")


class Administration:
    """The operations."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def create(self, parameters: Parameters) -> dict[str, Any]:
        """AdminCreateUser."""
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        username, given = text(parameters, "Username"), attributes(parameters)
        is_silent = parameters.get("MessageAction") == "SUPPRESS"
        if parameters.get("MessageAction") == "RESEND":
            return self._invite_again(username)
        email = self._accounts.email_of(username, given)
        password = optional_text(parameters, "TemporaryPassword") or temporary_password(
            self._accounts.pool.rules.sign_in.password_length
        )
        now = self._accounts.clock()
        user = PoolUser(
            sub=str(uuid.uuid4()), email=email, status=UserStatus.FORCE_CHANGE_PASSWORD, created=now, modified=now,
            attributes={name: value for name, value in given.items() if name != "email"},
        )  # fmt: skip
        user = self._accounts.with_password(user, password, UserStatus.FORCE_CHANGE_PASSWORD)
        try:
            self._accounts.users.add(user)
        except EmailTaken:
            raise CognitoError("UsernameExistsException", "User account already exists") from None
        if not is_silent:
            self._accounts.send_password(user, password)
        return {"User": _described(user, "Attributes")}

    def set_password(self, parameters: Parameters) -> dict[str, Any]:
        """AdminSetUserPassword."""
        user = self._user(parameters)
        is_permanent = parameters.get("Permanent") is True
        status = UserStatus.CONFIRMED if is_permanent else UserStatus.FORCE_CHANGE_PASSWORD
        self._store(self._accounts.with_password(user, text(parameters, "Password"), status))
        return {}

    def reset_password(self, parameters: Parameters) -> dict[str, Any]:
        """AdminResetUserPassword."""
        user = self._user(parameters)
        self._store(replace(user, status=UserStatus.RESET_REQUIRED))
        self._accounts.send_code(user, Purpose.PASSWORD)
        return {}

    def get(self, parameters: Parameters) -> dict[str, Any]:
        """AdminGetUser."""
        return _described(self._user(parameters), "UserAttributes")

    def delete(self, parameters: Parameters) -> dict[str, Any]:
        """AdminDeleteUser."""
        self._accounts.users.delete(self._user(parameters))
        return {}

    def confirm(self, parameters: Parameters) -> dict[str, Any]:
        """AdminConfirmSignUp."""
        user = self._user(parameters)
        if user.status is not UserStatus.UNCONFIRMED:
            raise not_authorized(f"User cannot be confirmed. Current status is {user.status.value}")
        self._store(replace(user, status=UserStatus.CONFIRMED))
        return {}

    def enable(self, parameters: Parameters) -> dict[str, Any]:
        """AdminEnableUser."""
        self._store(replace(self._user(parameters), enabled=True))
        return {}

    def disable(self, parameters: Parameters) -> dict[str, Any]:
        """AdminDisableUser. Signs the user out, too."""
        user = self._user(parameters)
        self._store(replace(user, enabled=False))
        self._accounts.users.revoke_all(user.sub)
        return {}

    def update_attributes(self, parameters: Parameters) -> dict[str, Any]:
        """AdminUpdateUserAttributes."""
        user, given = self._user(parameters), attributes(parameters)
        email = given.pop("email", user.email)
        changed = replace(user, email=self._accounts.email_of(email, {}), attributes={**user.attributes, **given})
        try:
            self._store(changed)
        except EmailTaken:
            raise CognitoError("AliasExistsException", "An account with the given email already exists.") from None
        return {}

    def sign_out(self, parameters: Parameters) -> dict[str, Any]:
        """AdminUserGlobalSignOut."""
        self._accounts.users.revoke_all(self._user(parameters).sub)
        return {}

    def list_users(self, parameters: Parameters) -> dict[str, Any]:
        """ListUsers."""
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        most = parameters.get("Limit", PAGE)
        if not isinstance(most, int) or isinstance(most, bool) or not 0 <= most <= PAGE:
            raise invalid_parameter(f"Limit must be a number from 0 to {PAGE}.")
        condition = _FILTER.fullmatch(optional_text(parameters, "Filter") or 'sub ^= ""')
        if condition is None:
            raise invalid_parameter("Error while parsing filter expression.")
        after = optional_text(parameters, "PaginationToken") or ""
        found: list[PoolUser] = []
        while len(found) < (most or PAGE):
            page = self._accounts.users.page(after=after, most=PAGE)
            if not page:
                return {"Users": [_described(it, "Attributes") for it in found]}
            for user in page:
                after = user.sub
                if _fits(user, condition):
                    found.append(user)
                    if len(found) == (most or PAGE):
                        break
        is_last = not self._accounts.users.page(after=after, most=1)
        described = {"Users": [_described(it, "Attributes") for it in found]}
        return described if is_last else {**described, "PaginationToken": after}

    def list_pools(self, _: Parameters) -> dict[str, Any]:
        """ListUserPools."""
        return {"UserPools": [{"Id": self._accounts.pool.pool_id, "Name": NAME}]}

    def list_clients(self, parameters: Parameters) -> dict[str, Any]:
        """ListUserPoolClients."""
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        pool = self._accounts.pool
        return {"UserPoolClients": [{"ClientId": pool.client_id, "UserPoolId": pool.pool_id, "ClientName": NAME}]}

    def describe_pool(self, parameters: Parameters) -> dict[str, Any]:
        """DescribeUserPool."""
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        pool, rules = self._accounts.pool, self._accounts.pool.rules
        return {
            "UserPool": {
                "Id": pool.pool_id,
                "Name": NAME,
                "UsernameAttributes": ["email"],
                "AutoVerifiedAttributes": ["email"],
                "UsernameConfiguration": {"CaseSensitive": False},
                "MfaConfiguration": "OFF",
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": rules.sign_up is not SignUp.ANYBODY},
                "Policies": {
                    "PasswordPolicy": {
                        "MinimumLength": rules.sign_in.password_length, "RequireUppercase": True,
                        "RequireLowercase": True, "RequireNumbers": True, "RequireSymbols": True,
                        "TemporaryPasswordValidityDays": 7,
                    }
                },
            }
        }  # fmt: skip

    def describe_client(self, parameters: Parameters) -> dict[str, Any]:
        """DescribeUserPoolClient."""
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        self._accounts.check_client(text(parameters, "ClientId"))
        pool = self._accounts.pool
        flows = [f"ALLOW_{it.value}" for it in Flow if pool.rules.allows(it)]
        return {
            "UserPoolClient": {
                "UserPoolId": pool.pool_id,
                "ClientId": pool.client_id,
                "ClientName": NAME,
                "ExplicitAuthFlows": [*flows, "ALLOW_REFRESH_TOKEN_AUTH"],
                "PreventUserExistenceErrors": "ENABLED",
                "EnableTokenRevocation": True,
                "AccessTokenValidity": TOKEN_LIFE // timedelta(hours=1),
                "IdTokenValidity": TOKEN_LIFE // timedelta(hours=1),
                "RefreshTokenValidity": pool.rules.sign_in.refresh_days,
                "TokenValidityUnits": {"AccessToken": "hours", "IdToken": "hours", "RefreshToken": "days"},
                "AllowedOAuthFlowsUserPoolClient": False,
            }
        }

    def _invite_again(self, username: str) -> dict[str, Any]:
        user = self._accounts.known(username)
        if user.status is not UserStatus.FORCE_CHANGE_PASSWORD:
            raise CognitoError(
                "UnsupportedUserStateException",
                f"Resend not possible. {username} status is not FORCE_CHANGE_PASSWORD",
            )
        password = temporary_password(self._accounts.pool.rules.sign_in.password_length)
        user = self._accounts.with_password(user, password, UserStatus.FORCE_CHANGE_PASSWORD)
        self._store(user)
        self._accounts.send_password(user, password)
        return {"User": _described(user, "Attributes")}

    def _user(self, parameters: Parameters) -> PoolUser:
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        return self._accounts.known(text(parameters, "Username"))

    def _store(self, user: PoolUser) -> None:
        self._accounts.users.replace(replace(user, modified=self._accounts.clock()))


def _described(user: PoolUser, attributes_name: str) -> dict[str, Any]:
    return {
        "Username": user.sub,
        attributes_name: listed(user.all_attributes),
        "UserCreateDate": user.created.timestamp(),
        "UserLastModifiedDate": user.modified.timestamp(),
        "Enabled": user.enabled,
        "UserStatus": user.status.value,
    }


def _fits(user: PoolUser, condition: re.Match[str]) -> bool:
    special = {
        "username": user.sub, "cognito:user_status": user.status.value,
        "status": "Enabled" if user.enabled else "Disabled",
    }  # fmt: skip
    found = {**user.all_attributes, **special}.get(condition["name"], "")
    wanted = re.sub(r"\\(.)", r"\1", condition["value"])
    return found.startswith(wanted) if condition["how"] == "^=" else found == wanted
