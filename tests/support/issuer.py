"""A token issuer on loopback: RSA keys, and an HTTP server that publishes them and counts requests."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://cognito-idp.local.test/eu-west-1_pool"
CLIENT_ID = "3n4b5urk1ft4fl3mg5e62d9ado"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key and its key id."""

    kid: str
    private: rsa.RSAPrivateKey

    def published(self) -> dict[str, object]:
        return {**jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True), **self._labels()}

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _labels(self) -> dict[str, object]:
        return {"kid": self.kid, "use": "sig", "alg": "RS256"}


@cache
def signing_key(kid: str, bits: int = 2048) -> SigningKey:
    """Return the key with this id; created once per process because generating a key is slow."""
    return SigningKey(kid, rsa.generate_private_key(public_exponent=65537, key_size=bits))


class Issuer:
    """Signs tokens and publishes `keys`. A test may set `answer` and `status` to publish something else."""

    def __init__(self, jwks_url: str) -> None:
        self.jwks_url = jwks_url
        self.fetches = 0
        self.status = 200
        self.keys = [signing_key("first"), signing_key("second")]
        self.answer: bytes | None = None

    def document(self) -> bytes:
        if self.answer is not None:
            return self.answer
        return json.dumps({"keys": [key.published() for key in self.keys]}).encode()

    def sign(self, claims: dict[str, object], *, key: SigningKey | None = None, kid: str | None = None) -> str:
        """Sign a JWT with these claims, including claims that PyJWT refuses to encode."""
        key = key or self.keys[0]
        return jwt.PyJWS().encode(json.dumps(claims).encode(), key.private, "RS256", headers={"kid": kid or key.kid})


def access_claims(**changes: object) -> dict[str, object]:
    """Return the claims of a Cognito access token with changes; None removes a claim."""
    claims: dict[str, object] = {
        "sub": "a3b1c2d4-0000-4000-8000-000000000001",
        "iss": ISSUER,
        "client_id": CLIENT_ID,
        "username": "alice",
        "token_use": "access",
        "iat": int(NOW.timestamp()),
        "auth_time": int(NOW.timestamp()),
        "exp": int((NOW + LIFETIME).timestamp()),
        "cognito:groups": ["staff", "editors"],
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def id_claims(**changes: object) -> dict[str, object]:
    """Return the claims of a Cognito ID token with changes."""
    cognito: dict[str, object] = {"token_use": "id", "aud": CLIENT_ID, "cognito:username": "alice"}
    return access_claims(**(cognito | {"client_id": None, "username": None} | changes))


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """Run an issuer that serves its keys until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            body = issuer.document()
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the parent's name for it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
