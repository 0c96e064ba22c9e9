"""Reading ahead and writing behind: one thread each, so that files and arithmetic overlap, and signals are heard."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_DEPTH = 3
_END: Any = object()


class ReadAhead(Generic[T]):
    """Run an iterator in a thread, at most three items ahead. Use as a context manager, then iterate once.

    An exception of the iterator is raised where its next item would have come.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._queue: queue.Queue[Any] = queue.Queue(_DEPTH)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="audiocos-read", daemon=True)

    def __enter__(self) -> ReadAhead[T]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        while self._thread.is_alive():  # the thread may be waiting for room
            _drain(self._queue)
            self._thread.join(0.01)

    def __iter__(self) -> Iterator[T]:
        while (item := self._queue.get()) is not _END:
            yield item
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for item in self._items:
                self._queue.put(item)
                if self._stop.is_set():
                    return
        except BaseException as error:
            self._error = error
        self._queue.put(_END)


class WriteBehind(Generic[T]):
    """Hand items to a function in a thread, at most three waiting. Use as a context manager.

    An exception of the function is raised by the next `put`, or by `finish`.
    """

    def __init__(self, write: Callable[[T], None]) -> None:
        self._write = write
        self._queue: queue.Queue[Any] = queue.Queue(_DEPTH)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="audiocos-write", daemon=True)

    def __enter__(self) -> WriteBehind[T]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._thread.is_alive():
            if kind is not None:
                _drain(self._queue)
            self._queue.put(_END)
            self._thread.join()

    def put(self, item: T) -> None:
        """Hand over an item; waits while three are waiting."""
        self._queue.put(item)
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Wait until everything is written."""
        self._queue.put(_END)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            if self._error is None:
                try:
                    self._write(item)
                except BaseException as error:
                    self._error = error


def aside(make: Callable[[], T]) -> T:
    """What `make` gives, made in a thread: who waits for that can be ended by a signal, who waits inside C cannot.

    After a signal the thread goes on by itself.
    """
    made: Future[T] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=run, name="audiocos-open", daemon=True).start()
    return made.result()


def _drain(waiting: queue.Queue[Any]) -> None:
    try:
        while True:
            waiting.get_nowait()
    except queue.Empty:
        return
