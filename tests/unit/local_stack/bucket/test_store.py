"""Objects whose request is cut off. aiohttp cancels requests when the stack stops; the work of a thread continues."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from local_stack.services.bucket.store import ObjectStore


def test_an_object_that_is_stored_while_its_request_is_cut_off_has_its_content(tmp_path: Path) -> None:
    storing, go_on = threading.Event(), threading.Event()

    def clock() -> datetime:  # called while an object is stored
        if threading.current_thread().name == "storing":
            storing.set()
            go_on.wait(0.1)  # not longer: where the request waits for the store, nobody comes
        return datetime.now(UTC)

    store = ObjectStore(tmp_path, lifetimes={}, clock=clock)
    with store.staged() as file:
        file.write_bytes(b"content")
        thread = threading.Thread(
            name="storing", target=lambda: store.put("key", file, etag="e", headers={}), daemon=True
        )
        thread.start()
        assert storing.wait(10)
    go_on.set()
    thread.join(10)

    stored = store.find("key")
    assert stored is not None
    assert store.path_of(stored).read_bytes() == b"content"
    store.close()
