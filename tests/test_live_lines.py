"""Lines, for what is no terminal or too small a one: they say what the view says."""

import io
from types import SimpleNamespace

import numpy as np
from monitored import Counters, Played, alarm, alarming, recording, view_of, words

from audiocos.cli import monitoring
from audiocos.live.counters import Event
from audiocos.live.lines import line, show_lines
from audiocos.live.meters import Meters
from audiocos.live.status import Status


def test_lines_say_the_same_in_one_line(chord):
    reading = chord.reading()
    session = Played(counters=Counters(dropped_samples=512))
    told = line(reading, Status.of(session, alarming(alarm(active=True, score=14.2))))
    assert told.startswith(f"   0:12.0  SNR {reading.snr_db:.1f} dB (3 s {reading.snr_3s_db:.1f} dB, run ")
    assert (
        f"in {reading.input_dbfs:.1f} out {reading.output_dbfs:.1f} residual {reading.residual_dbfs:.1f} dBFS" in told
    )
    assert told.endswith("dropped 512  ALARM score 14.2")
    silent = Meters(8000, 1)
    silent.feed(np.zeros((1, 8000)), np.zeros((1, 8000)))
    assert "SNR - (3 s -, run -)  in - out - residual - dBFS" in line(silent.reading(), Status.of(session, None))


def test_what_was_not_timed_yet_has_no_load():
    meters = Meters(8000, 1)
    untimed = SimpleNamespace(over_run=lambda: None, last=lambda seconds: None)
    status = Status.of(Played(hop_times=untimed), None)
    assert line(meters.reading(), status).endswith("load p99 - max -")
    assert "p50 -  p99 -  max - of 5.8 ms   run p99 -  max -" in words(view_of(meters, Played(hop_times=untimed)))[-5]


def test_a_line_comes_with_every_second_until_the_session_ends():
    sound, rate = recording("speech-demo.wav", 4.0)

    class Ending(Played):
        polls = 0

        @property
        def ended(self):
            part = slice(self.polls * rate // 2, (self.polls + 1) * rate // 2)
            meters.feed(sound[:, part], 0.9 * sound[:, part])
            self.polls += 1
            return self.polls > 7  # with the last half second

        @ended.setter
        def ended(self, value):
            pass

    meters, file = Meters(rate, 1), io.StringIO()
    show_lines(Ending(), meters, file=file)
    assert [row.split()[0] for row in file.getvalue().splitlines()] == ["0:01.0", "0:02.0", "0:03.0", "0:04.0"]


def test_what_happened_in_a_second_is_told_before_its_line_and_what_came_after_is_not(monkeypatch):
    meters, file = Meters(1000, 1), io.StringIO()
    events = [Event(at, "alarm", f"at {at}") for at in (0.9, 2.0, 2.3, 4.4)]
    sounds = iter([1.0, 2.2, 4.5])

    class Fast(Played):
        @property
        def ended(self):
            length = next(sounds, None)
            if length is None:
                return True
            before = round(meters.reading().time_s * 1000)
            meters.feed(*np.ones((2, 1, round(length * 1000) - before)))
            return False

        @ended.setter
        def ended(self, value):
            pass

        def events_since(self, told):
            return events[told:]

    source = SimpleNamespace(sample_rate=1000, channels=1)
    monitor = monitoring.Monitor(None, source, "in.wav", "none", as_json=False)
    monitor._session = session = Fast()
    monkeypatch.setattr(monitoring, "say", lambda text: print(text, file=file))
    show_lines(session, meters, file=file, look=monitor._say_until)
    rows = [row.split()[:4] for row in file.getvalue().splitlines()]
    assert [row[0] if ":" in row[0] else row[3] for row in rows] == [
        *("0.9", "0:01.0", "2.0", "0:02.2", "2.3", "4.4", "0:04.5")
    ]
