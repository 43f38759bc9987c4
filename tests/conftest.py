import signal


def pytest_configure() -> None:
    # What a shell starts in the background ignores Ctrl-C, and so would the processes that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
