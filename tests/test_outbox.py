"""Lines on their way to whoever reads them, by a thread of their own."""

import threading

import pytest

from audiocos.cli.outbox import Outbox
from audiocos.errors import UnreadError


def test_an_outbox_keeps_order_and_says_what_did_not_fit():
    told, hold = [], threading.Event()
    box = Outbox(most=3)
    box.put(lambda: (hold.wait(10), told.append(0)))
    for number in range(1, 5):
        box.put(lambda number=number: told.append(number))
    with pytest.raises(UnreadError, match="takes nothing; not written: 5 lines"):
        box.close(0.05)
    hold.set()
    with pytest.raises(UnreadError, match="too slow; not written: 2 lines"):
        box.close(None)
    assert told == [0, 1, 2]


def test_an_outbox_of_sound_that_can_wait_leaves_nothing_out_until_it_is_to_hurry():
    told, hold = [], threading.Event()
    box = Outbox(waits=True, most=2)
    box.put(lambda: hold.wait(10))
    box.put(lambda: told.append(1))
    threading.Timer(0.1, hold.set).start()
    box.put(lambda: told.append(2))
    box.close(None)
    assert told == [1, 2] and hold.is_set()
    hold.clear()
    full = Outbox(waits=True, most=1)
    full.put(lambda: hold.wait(10))
    threading.Timer(0.1, full.hurry).start()
    full.put(lambda: told.append(3))
    hold.set()
    with pytest.raises(UnreadError, match="not written: 1 line"):
        full.close(None)


def test_a_reader_that_has_gone_is_told_to_who_puts_the_next():
    box = Outbox()
    box.put(lambda: (_ for _ in ()).throw(BrokenPipeError()))
    with pytest.raises(BrokenPipeError):
        box.close(None)
    with pytest.raises(BrokenPipeError):
        box.put(lambda: None)
