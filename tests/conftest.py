import signal

from hypothesis import settings

pytest_plugins = ("tests.support.cdk_assembly",)  # CDK's assembly is read by the tests of two packages


def pytest_configure() -> None:
    # What a shell starts in the background ignores Ctrl-C, and so would the processes that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # An example that is held up for a fifth of a second has found nothing.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")
