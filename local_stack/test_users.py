"""Signs in the test users of a pool for pages that the stack serves itself."""

from collections.abc import Sequence
from typing import Final

from local_stack.errors import StackError
from local_stack.services.cognito.pool import Pool
from longcall import CognitoPassword


class UnknownTestUser(StackError):
    """There is no test user of this name."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(f"no test user is named {name[:80]}; choose one of {', '.join(names)}")


class TestUsers:
    """The test users of a pool. Their tokens are kept until shortly before they expire.

    Attributes:
        names: Their user names, in the pool's order.
    """

    __test__: Final = False  # pytest takes a class of this name for tests

    def __init__(self, pool: Pool) -> None:
        self._passwords = {
            user.username: CognitoPassword(
                pool.region, pool.client_id, user.username, user.password,
                pool_id=pool.pool_id, endpoint_url=pool.endpoint,
            )
            for user in pool.users
        }  # fmt: skip
        self.names: Sequence[str] = tuple(self._passwords)

    def of(self, name: str) -> CognitoPassword:
        """Signs in one test user.

        Raises:
            UnknownTestUser: There is no such user.
        """
        password = self._passwords.get(name)
        if password is None:
            raise UnknownTestUser(name, self.names)
        return password
