"""Cognito's errors, by the names and in the words of the service.

Source: Amazon Cognito user pools API Reference, "Errors" of each operation; the words are those of recorded answers.
"""


class CognitoError(Exception):
    """A request that the pool refuses.

    Args:
        kind: The error's name, such as NotAuthorizedException.
        message: For the caller.
        status: Of HTTP.
    """

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.status = status


def invalid_parameter(message: str) -> CognitoError:
    """The request has a parameter that the operation does not accept."""
    return CognitoError("InvalidParameterException", message)


def not_authorized(message: str) -> CognitoError:
    """The caller did not prove who he or she is, or may not do this."""
    return CognitoError("NotAuthorizedException", message)


def wrong_password() -> CognitoError:
    """The password is wrong, or there is no such user: the caller does not learn which."""
    return not_authorized("Incorrect username or password.")


def no_such_user() -> CognitoError:
    """Only operators learn that there is no such user."""
    return CognitoError("UserNotFoundException", "User does not exist.")


def wrong_code() -> CognitoError:
    """The code is not the one that was sent."""
    return CognitoError("CodeMismatchException", "Invalid verification code provided, please try again.")


def expired_code() -> CognitoError:
    """The code has expired, was used, or was never sent."""
    return CognitoError("ExpiredCodeException", "Invalid code provided, please request a code again.")
