"""Finds damaged pages of a SQLite file when it is opened, before they fail a request."""

import sqlite3
import threading
from pathlib import Path
from typing import Final

CHECK_TIME: Final = 1.0  # seconds; SQLite checks about 200 MB in that time, and the rest is left out


def find_damage(path: Path, *, within: float = CHECK_TIME) -> str | None:
    """What is wrong with a SQLite file, as SQLite says it; None if nothing was found in the given time.

    Args:
        path: The file. A missing or an empty one has no damage, and is not created.
        within: Seconds after which the check ends.

    Raises:
        sqlite3.OperationalError: The file cannot be opened or read.
    """
    if not path.is_file():
        return None
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, check_same_thread=False)
    timer = threading.Timer(within, connection.interrupt)
    timer.start()
    try:
        [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return None
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        timer.cancel()
        timer.join()
        connection.close()
    return None if found == "ok" else " ".join(str(found).split())
