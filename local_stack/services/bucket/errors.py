"""S3's errors, by the names and in the words of the service.

Source: Amazon S3 API Reference, "Error responses".
"""

from local_stack.services.signatures import Problem


class S3Error(Exception):
    """A request that the bucket refuses.

    Args:
        code: Such as NoSuchKey.
        message: For the caller.
        status: Of HTTP.
    """

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def no_such_key() -> S3Error:
    """The bucket has no object of this key."""
    return S3Error("NoSuchKey", "The specified key does not exist.", 404)


def bad_digest(name: str) -> S3Error:
    """The content is not what the request announced."""
    return S3Error("BadDigest", f"The {name} you specified did not match the calculated checksum.", 400)


def not_implemented(what: str) -> S3Error:
    """S3 can do this, and the local bucket cannot."""
    return S3Error("NotImplemented", f"the local bucket does not support {what}", 501)


def no_space() -> S3Error:
    """The disk is full. boto3 tries again after this error."""
    return S3Error("SlowDown", "The object was not stored: no space.", 503)


def refused(problem: Problem) -> S3Error:
    """The request is not signed by this stack."""
    mismatch = (
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method."
    )
    return {
        Problem.MISSING: S3Error("AccessDenied", "Access Denied", 403),
        Problem.MALFORMED: S3Error("AuthorizationHeaderMalformed", "The authorization is malformed.", 400),
        Problem.UNKNOWN_KEY: S3Error(
            "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
        ),
        Problem.MISMATCH: S3Error("SignatureDoesNotMatch", mismatch, 403),
        Problem.SKEWED: S3Error(
            "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403
        ),
        Problem.EXPIRED: S3Error("AccessDenied", "Request has expired", 403),
    }[problem]
