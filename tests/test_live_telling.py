"""What people are told of events that come in floods."""

import math
import re
import time

import pytest

from audiocos.live.counters import Event
from audiocos.live.log import event_of
from audiocos.live.pipeline import DirectPipeline
from audiocos.live.telling import Telling


def late(time_s, us):
    return event_of(time_s, "late_hop", us)


def test_the_first_is_told_at_once_and_the_rest_once_a_second():
    telling = Telling()
    assert [event.text for event in telling.of([late(0.1, 900), late(0.2, 1500)], 10.0)] == [
        "late: computing took 0.90 ms"
    ]
    assert telling.of([late(0.3, 1200)], 10.9) == []
    assert telling.of([], 11.0) == [
        Event(0.3, "late_hop", "2 more since 0.2 s, the longest: late: computing took 1.50 ms", 2, {"took_ms": 1.5})
    ]
    assert telling.of([late(1.0, 800)], 11.5) == []
    assert telling.of([], 12.0) == [late(1.0, 800)], "a single one is told as it is"
    assert telling.of([late(9.0, 700)], 20.0) == [late(9.0, 700)], "after a pause the next is a first one again"


def test_kinds_do_not_wait_for_each_other_and_counts_add_up():
    telling = Telling()
    lost = [Event(i / 10, "input_overflow", f"input overflow: {i} samples lost", i) for i in range(1, 5)]
    lost.append(Event(0.45, "input_overflow", "input overflow, says the device"))
    silent = [Event(0.25, "output_underflow", "output underflow, says the device")] * 3
    gone = [Event(0.35, "device", "gone"), Event(0.36, "device", "back")]
    told = telling.of(sorted([*lost, *silent, *gone], key=lambda event: event.time_s), 0.0)
    assert told == [lost[0], silent[0], *gone, lost[4]], "what was counted and what was not are two things"
    rest = telling.of([], 0.1, last=True)
    assert [event.text for event in rest] == [
        "2 more since 0.2 s: output underflow, says the device",
        "3 more since 0.2 s, together: input overflow: 9 samples lost",
    ]
    assert telling.of([], 0.2, last=True) == []


@pytest.mark.parametrize(
    ("kind", "one", "two"),
    [
        ("sanitized", "1 value was no sound and is silent", "2 values were no sound and are silent"),
        ("bypass", "behind: 1 sample passes by the model", "behind: 2 samples pass by the model"),
        ("input_overflow", "input overflow: 1 sample lost", "input overflow: 2 samples lost"),
    ],
)
def test_one_of_something_is_told_as_one(kind, one, two):
    assert [event_of(0.0, kind, count).text for count in (1, 2)] == [one, two]


def test_a_machine_too_slow_for_every_hop_says_so_once_a_second(audiocos_command, monkeypatch):
    feed = DirectPipeline.feed
    monkeypatch.setattr(DirectPipeline, "feed", lambda self, x: (time.sleep(0.035), feed(self, x))[1])
    began = time.monotonic()
    done = audiocos_command("monitor", "synth:noise", "--rate", "16000", "--seconds", "1.5")  # hops of 32 ms
    took_s = time.monotonic() - began
    (counted,) = re.findall(r"late hops (\d+)", done.out)
    assert int(counted) >= 46
    told = [line for line in done.err.splitlines() if "late" in line]
    assert 2 <= len(told) <= 2 + math.ceil(took_s)
    more = [re.search(r"(\d+) more since", line) for line in told]
    assert sum(int(found[1]) if found else 1 for found in more) == int(counted)
