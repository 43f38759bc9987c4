"""The OpenID Connect providers whose tokens an application's API accepts on this machine.

The local user pool is a provider too: it publishes its keys and a discovery document, and its tokens are signed with
the key of the data folder. So its test users can call an API in this mode, for any provider that the template names.
"""

from collections.abc import Sequence
from dataclasses import replace

from yarl import URL

from appsync_local.authorization.oidc import OidcProvider
from appsync_local.data_sources.aws_services import is_aws
from local_stack.services.cognito.pool import Pool


def providers_on_this_machine(
    declared: Sequence[OidcProvider], pool: Pool, *, allows_aws: bool
) -> tuple[OidcProvider, ...]:
    """The declared providers, and the local pool with their limits for the age of tokens.

    The keys of a declared provider are read from its own address when a token of it arrives. A provider at AWS is left
    out unless AWS may be called.

    Args:
        declared: What the template declares.
        pool: The local user pool.
        allows_aws: Whether AWS may be called.
    """
    local = [replace(it, issuer=pool.issuer, jwks_url=pool.jwks_url, client_id_regex=None) for it in declared[:1]]
    elsewhere = (it for it in declared if allows_aws or not is_aws(URL(it.issuer).host or ""))
    return (*local, *(it for it in elsewhere if it.issuer != pool.issuer))
