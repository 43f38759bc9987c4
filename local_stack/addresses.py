"""The addresses of a local stack: everything is served on the API's port, each service under its own path."""

from typing import Final

LOOPBACK: Final = "127.0.0.1"
COGNITO_PATH: Final = "/cognito-idp"
BUCKET_PATH: Final = "/bucket"
