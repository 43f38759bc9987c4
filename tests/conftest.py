import signal

import pytest
from hypothesis import settings

# The CDK assembly is used by the tests of two packages; the guard against unhandled errors by all tests.
pytest_plugins = ("tests.support.cdk_assembly", "tests.support.unhandled_errors")

# Session fixtures that take long to set up. Tests that use one run in the same process, so that it is set up once.
EXPENSIVE = ("assembly", "package", "archive", "archive_with_openai")


def pytest_configure() -> None:
    # What a shell starts in the background ignores Ctrl-C, and so would the processes that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A time limit for one example would measure the machine and not the code.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Distribute tests by file, so that fixtures of a module are set up once; those with an expensive one together."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        group = "package" if any(name in fixtures for name in EXPENSIVE) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
