"""The process that workers are forked from: libraries imported once, a single thread, and no code of the project.

Started by the engine as `python -m appsync_local.functions.fork_server <descriptor of the control socket>`. It is the
only one that reaps workers, and so the only one that may kill them: a process id it has not reaped cannot be another's.
When the control socket ends, because the engine ended, however it ended, it kills every worker and ends.
"""

import gc
import importlib
import json
import os
import select
import signal
import site
import socket
import sys
import threading
import traceback
from contextlib import suppress
from typing import Final, NoReturn

from appsync_local.functions import program, worker
from appsync_local.functions.frames import Kind, receive, receive_with_descriptors, send
from appsync_local.functions.worker import WorkerSettings

_CANNOT_FORK: Final = 71 << 8  # EX_OSERR of sysexits.h, as a wait status


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    first = receive(control)
    if first is None:
        return
    settings = WorkerSettings.from_json(first[1])
    if settings.path is not None:
        _isolate(settings.path)
    # Among modules there is almost no garbage, and the searches take a tenth of the time. Nor is there one before the
    # freeze: it would leave holes in pages. Source: Python's documentation of `gc.freeze`.
    gc.disable()
    refusal = _import_all(settings.preload)
    if refusal is not None:
        send(control, Kind.REFUSED, refusal.encode())
        return
    gc.freeze()  # what is imported now is never collected, so that its pages stay shared with every worker
    gc.enable()
    send(control, Kind.READY)
    ForkServer(control, settings).run()


def _isolate(path: list[str]) -> None:
    """Let workers find the standard library and `path`, and nothing else of this Python, not even the engine.

    The process was started without `site`, so that the libraries of this Python are not on the path.
    """
    engine = os.path.realpath(os.environ["PYTHONPATH"])
    sys.path[:] = [*path, *(it for it in sys.path if os.path.realpath(it) != engine)]
    for name in [it for it in sys.modules if it.partition(".")[0] == worker.__name__.partition(".")[0]]:
        del sys.modules[name]
    site.setquit()  # `exit` and `quit`, which handlers may call


def _import_all(preload: list[str]) -> str | None:
    for name in preload:
        try:
            importlib.import_module(name)
        except Exception as error:
            traceback.print_exc()
            return f"{name} could not be imported before the functions start ({type(error).__name__}: {error})"
        if threading.active_count() > 1:  # a lock that another thread holds stays locked in every fork
            return f"{name} starts a thread when it is imported; leave it to the handlers instead of preloading it"
    return None


class ForkServer:
    """Forks workers, ends them, and tells the engine how each one ended."""

    def __init__(self, control: socket.socket, settings: WorkerSettings) -> None:
        self._control = control
        self._settings = settings
        self._workers: dict[int, int] = {}  # process id by the engine's number
        self._wake, self._woken_by = os.pipe()
        self._lifeline, self._held = os.pipe()  # workers keep the read end, and only this process the other
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken_by, False)

    def run(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken_by, warn_on_full_buffer=False)
        try:
            while self._step():
                pass
        finally:
            self._end_all()

    def _step(self) -> bool:
        ready, _, _ = select.select([self._control.fileno(), self._wake], [], [])
        if self._wake in ready:
            with suppress(BlockingIOError):
                os.read(self._wake, 4096)
            self._reap()
        return self._control.fileno() not in ready or self._obey()

    def _obey(self) -> bool:
        received = receive_with_descriptors(self._control)
        if received is None:
            return False
        (kind, body), descriptors = received
        match kind:
            case Kind.SPAWN:
                number, function = json.loads(body)
                self._spawn(number, function, *descriptors)
            case Kind.KILL:
                self._kill(json.loads(body))
            case _:
                raise ValueError(f"the engine sends SPAWN and KILL to the fork server, and sent {kind.name}")
        return True

    def _spawn(self, number: int, function: str, connection: int, output: int) -> None:
        own = os.getpid()
        try:
            process = os.fork()
        except OSError as error:
            sys.stderr.write(f"a worker for {function} could not be forked: {error}\n")
            self._tell(number, _CANNOT_FORK)
        else:
            if process == 0:
                self._become_worker(function, connection, output, own)
            with suppress(PermissionError, ProcessLookupError):
                os.setpgid(process, process)  # both sides do it, because either may be first
            self._workers[number] = process
        os.close(connection)
        os.close(output)

    def _become_worker(self, function: str, connection: int, output: int, parent: int) -> NoReturn:
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._control.close()
            for descriptor in (self._wake, self._woken_by, self._held):
                os.close(descriptor)
            launch = self._settings.functions[function]
            if launch.command:
                program.run(launch, connection, output, parent)
            worker.run(launch, socket.socket(fileno=connection), output, parent, self._lifeline)
        finally:
            os._exit(1)  # a worker must never return to the loop of the fork server

    def _kill(self, number: int) -> None:
        process = self._workers.get(number)
        if process is not None:
            _kill_group(process)

    def _reap(self) -> None:
        for number, process in list(self._workers.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                del self._workers[number]
                _kill_group(process)  # what the handler had started goes with it, as its sandbox does on AWS
                self._tell(number, status)

    def _tell(self, number: int, status: int) -> None:
        with suppress(ConnectionError):
            send(self._control, Kind.EXITED, json.dumps([number, status]).encode())

    def _end_all(self) -> None:
        for process in self._workers.values():
            _kill_group(process)
        for process in self._workers.values():
            with suppress(ChildProcessError):
                os.waitpid(process, 0)


def _kill_group(process: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


if __name__ == "__main__":
    main()
    os._exit(0)  # without waiting for a thread that a refused library started
