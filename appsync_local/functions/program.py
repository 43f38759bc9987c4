"""Turns a process that was just forked into a worker that is another program, such as Node.js.

The program gets the environment of its function, standard output and error in the function's log, and the socket to
the engine as descriptor 3.
"""

import os
from typing import Final, NoReturn

from appsync_local.functions.worker import Launch, die_with, new_log_stream

CONNECTION: Final = 3  # the descriptor that the program finds its socket at
_CANNOT_START: Final = 126  # as a shell reports it


def run(launch: Launch, connection: int, output: int, parent: int) -> NoReturn:
    """Replace this process.

    Args:
        launch: The function, with a command.
        connection: The socket to the engine.
        output: Write end of the pipe that becomes standard output and standard error.
        parent: Process id of the fork server. The worker ends when the fork server does; where the system has no
            signal for that, the program has to end when the socket does.
    """
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(connection, CONNECTION)
    os.set_inheritable(CONNECTION, True)  # `dup2` leaves it as it is where both are the same
    die_with(parent)
    environment = {**launch.environment, "AWS_LAMBDA_LOG_STREAM_NAME": new_log_stream()}
    try:
        os.chdir(os.path.realpath(launch.root))
        os.execve(launch.command[0], launch.command, environment)  # noqa: S606  # no shell, and none is wanted
    except OSError as error:
        os.write(2, f"{launch.command[0]} could not be started for {launch.name}: {error}\n".encode())
        os._exit(_CANNOT_START)
