"""The optional parts of Longcall, which a command may need, and the advice to install one that is missing."""

from importlib.util import find_spec
from typing import Final

from longcall.base import is_installed
from longcall.errors import ConfigurationError

# By extra: modules that only this extra installs, and the command of a checkout that installs the same.
LOCAL: Final = "local"
DEPLOY: Final = "deploy"
_MODULES: Final = {LOCAL: ("chalice", "moto", "quickjs", "uvloop"), DEPLOY: ("aws_cdk", "chalice", "packaging")}
_IN_A_CHECKOUT: Final = {LOCAL: "make serve", DEPLOY: "make synth"}


def require_extra(extra: str, command: str) -> None:
    """Check that an extra is installed.

    Args:
        extra: Its name.
        command: The command that needs it, for the message.

    Raises:
        ConfigurationError: It is not installed; the message says how to install it.
    """
    missing = [name for name in _MODULES[extra] if find_spec(name) is None]
    if not missing:
        return
    advice = f'pip install "longcall[{extra}]"' if is_installed() else _IN_A_CHECKOUT[extra]
    raise ConfigurationError(
        f"`{command}` needs the extra `{extra}`, which is not installed here ({missing[0]} is missing); "
        f"install it with: {advice}"
    )
