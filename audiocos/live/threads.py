"""The threads of a session: started by name, joined, and what the first that failed failed of."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Threads:
    """Threads that end together: the first that fails stops all.

    Args:
        stop: set when one fails; each looks at it.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._threads: dict[str, threading.Thread] = {}
        self.error: BaseException | None = None

    def start(self, name: str, target: Callable[[], None]) -> None:
        """Run `target` in a thread."""

        def run() -> None:
            try:
                target()
            except BaseException as error:  # whatever it was, the owner is told
                self.fail(error)

        self._threads[name] = threading.Thread(target=run, name=f"audiocos-{name}", daemon=True)
        self._threads[name].start()

    def started(self, *names: str) -> bool:
        """Whether all of them have been started."""
        return all(name in self._threads for name in names)

    def alive(self, name: str) -> bool:
        """Whether it runs."""
        return name in self._threads and self._threads[name].is_alive()

    def fail(self, error: BaseException) -> None:
        """Stop all, because of that; the first cause is kept."""
        self.error = self.error or error
        self._stop.set()

    def join(self, name: str, seconds: float) -> None:
        """Wait for one to end, at most so long; one that was not started has ended."""
        if name in self._threads:
            self._threads[name].join(seconds)
