import os
import signal
from typing import Final

import pytest
from hypothesis import settings

# The CDK assembly is used by the tests of two packages; the guard against unhandled errors by all tests.
pytest_plugins = (
    "tests.support.built_once",
    "tests.support.cdk_assembly",
    "tests.support.library_assembly",
    "tests.support.unhandled_errors",
)

# The files that take longest, longest first. They start first: a long file that starts last leaves other workers idle.
LONGEST: Final = (
    "tests/acceptance/test_certificate.py",
    "tests/isolation/test_isolation.py",
    "tests/acceptance/test_console.py",
    "tests/integration/typescript/test_typescript_client.py",
    "tests/contract/test_two_hours.py",
    "tests/integration/typescript/test_browser.py",
    "tests/acceptance/test_documents.py",
    "tests/contract/test_rules_model.py",
    "tests/unit/infrastructure/test_stack.py",
    "tests/unit/infrastructure/test_package.py",
    "tests/integration/wheel/test_packages.py",
    "tests/contract/test_quota_after_crashes.py",
    "tests/acceptance/test_mutants.py",
    "tests/integration/clients/test_healing.py",
    "tests/integration/wheel/test_engine_alone.py",
)


def pytest_configure() -> None:
    # What a shell starts in the background ignores Ctrl-C, and so would the processes that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A time limit for one example would measure the machine and not the code.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: tests of whole stacks wait much of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first. Workers of xdist take whole files, in this order."""
    order = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(order)))
