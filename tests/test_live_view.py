"""The view: every size holds, the figures on it are the meters', nothing flickers."""

import io
import json
import re
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from monitored import Counters, Played, alarm, alarming, metered, recording, view_of, words
from rich.segment import Segment

import audiocos
from audiocos.live.counters import Event, Latency
from audiocos.live.drawing import BRIGHT_RED
from audiocos.live.layout import Layout
from audiocos.live.meters import Meters
from audiocos.live.screen import LEAST_HEIGHT, LEAST_WIDTH, Screen, can_draw


@pytest.mark.parametrize("size", [(64, 18), (80, 24), (79, 25), (100, 29), (100, 30), (131, 43), (250, 80)])
@pytest.mark.parametrize("colours", [True, False])
def test_a_picture_is_exactly_as_large_as_the_screen(chord, size, colours):
    lines = Layout(colours).lines(view_of(chord, detector=alarming(alarm())).scene(), *size)
    assert [Segment.get_line_length(row) for row in lines] == [size[0]] * size[1]
    assert not any("\n" in one.text or one.control for row in lines for one in row)


def test_80_by_24_shows_all_there_is(chord):
    session = Played(counters=Counters(late_hops=3), events=[Event(65.0, "late_hop", "late: computing took 7.00 ms")])
    rows = words(view_of(chord, session, alarming(alarm())))
    text = "\n".join(rows)
    reading = chord.reading()
    assert rows[0].split() == [
        "audiocos",
        "lapped-quarter",
        "guitar-chord.flac",
        "→",
        "speakers",
        "44.1",
        "kHz",
        "stereo",
        "1:15",
    ]
    for row, name, dbfs, level in zip(
        rows[1:4],
        ("input", "output", "residual"),
        (reading.input_dbfs, reading.output_dbfs, reading.residual_dbfs),
        (reading.input, reading.output, reading.residual),
        strict=True,
    ):
        assert re.fullmatch(rf"{name} .* {dbfs:.1f} +peak +{max(level.peak_dbfs):.1f} dBFS", row)
    figures = [f"{value:.1f} dB" for value in (reading.snr_now_db, reading.snr_3s_db, reading.snr_run_db)]
    assert re.search(r"SNR +now {} +3 s {} +run {} ".format(*figures), rows[4])
    assert re.search("[\u2801-\u28ff]{3}", text), "a curve"
    assert "▀" in text and "█" in text
    assert "latency  30.0 ms = model 10.0 + buffers 20.0 + device 0.0" in text
    assert "load     p50 6.9 %  p99 14 %  max 28 % of 5.8 ms   run p99 16 %  max 43 %" in text
    assert "counts   late 3  0 dropped over" in text
    assert "events   1:05 late: computing took 7.00 ms" in text
    assert "alarm    quiet  score 3.1 of 8.2" in text
    assert rows[-1].split() == [
        "output",
        "input",
        "residual",
        "-",
        "+",
        "keep",
        "64",
        "of",
        "64",
        "freeze",
        "reset",
        "record",
        "quit",
    ]


def test_large_figures_stand_apart_in_the_narrowest_window():
    meters = metered(*recording("guitar-chord.flac", 4), "exact")
    row = next(row for row in words(view_of(meters, model="exact"), 64, 18) if row.startswith("SNR"))
    assert re.search(r"now 1\d\d\.\d dB +3 s 1\d\d\.\d dB +run 1\d\d\.\d dB", row)


@pytest.mark.parametrize("size", [(64, 18), (80, 24), (120, 40)])
def test_words_are_whole_in_every_window(chord, size):
    """A device, resampling, many events, an alarm: what has no room is left out whole, and that is seen."""
    session = Played(
        counters=Counters(3, 123456, 88000),
        events=[Event(71.2, "late_hop", "412 more since 70.2 s, the longest: late: computing took 15.23 ms")] * 9,
    )
    session.latency = Latency(441, 8000, 1882, 900, 44100)
    state = alarm(active=True, score=14.2, since_s=12.0, count=12, below_db=20.0)
    view = view_of(chord, session, alarming(state))
    rows = words(view, *size)
    lines = {
        -6: "latency  254.5 ms = model 10.0 + resampling 181.4 + buffers 42.7 + device 20.4",
        -5: "load     p50 6.9 %  p99 14 %  max 28 % of 5.8 ms   run p99 16 %  max 43 %",
        -2: " ALARM since 0:12   score 14.2 of 8.2  0 to 4000 Hz  SNR below 20 dB  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 0 to 4 kHz"
        "  12 so far",
    }
    for place, full in lines.items():
        shown, _, rest = rows[place].rstrip().partition(" …")
        assert full.startswith(shown) and (full == shown or full[len(shown)] == " ") and not rest
        assert full == shown or len(full) > size[0], "all there is where it has room"
    assert rows[-3].startswith("events   1:11 412 more since") and rows[-3].rstrip().endswith("   9 so far")
    assert "9 so far" in rows[-3] and ("… " in rows[-3] or "15.23 ms" in rows[-3])
    assert rows[0].startswith("audiocos lapped-quarter  guitar-chord.flac → speakers  ")
    assert ("44.1 kHz stereo" in rows[0]) == (size[0] > 64)
    view.press("-")
    assert words(view, *size)[-3].rstrip() == "events   an alarm scores by what all coefficients lose: kept"


def test_an_alarm_says_so_and_which_bands_speak(chord):
    bands = (0.0,) * 5 + (200.0,) + (-3.0,) + (0.0,) * 9
    state = alarm(active=True, score=14.2, since_s=12.0, count=2, bands=bands)
    (row,) = (row for row in words(view_of(chord, detector=alarming(state))) if "ALARM" in row)
    assert "ALARM since 0:12" in row and "score 14.2 of 8.2" in row and "1250 to 1500 Hz" in row
    assert "▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁" in row
    assert any("0 to 4 kHz  2 so far" in row for row in words(view_of(chord, detector=alarming(state)), 100))
    below = alarm(score=None, threshold=None, below_db=20.0)
    assert any("quiet" in row and "SNR below 20 dB" in row for row in words(view_of(chord, detector=alarming(below))))
    waiting = alarm(score=None)
    assert any("no score yet" in row for row in words(view_of(chord, detector=alarming(waiting))))


def test_80_columns_hold_since_when_both_causes_and_the_loudest_band_in_words(chord):
    bands = (0.0,) * 2 + (60.0,) + (0.0,) * 4 + (300.0, 200.0) + (0.0,) * 7
    worst = SimpleNamespace(score=125.6)
    state = alarm(
        active=True, score=125.1, threshold=20.1, since_s=754.0, count=12, bands=bands, below_db=6.0, worst=worst
    )
    (row,) = (row for row in words(view_of(chord, detector=alarming(state))) if "ALARM" in row)
    assert row.rstrip() == " ALARM since 12:34   score 125.1 of 20.1  1750 to 2250 Hz  SNR below 6 dB …"
    state.below_db = None
    (row,) = (row for row in words(view_of(chord, detector=alarming(state))) if "ALARM" in row)
    assert row.rstrip() == " ALARM since 12:34   score 125.1 of 20.1  1750 to 2250 Hz  500 to 750 Hz …"
    state.score = 3.0  # it lasts, and no band speaks any more
    (row,) = (row for row in words(view_of(chord, detector=alarming(state))) if "ALARM" in row)
    assert "Hz" not in row.replace("0 to 4 kHz", "") and "▁ 0 to 4 kHz" in row


def test_an_alarm_leaves_its_mark_on_the_curve_and_tells_its_worst(chord):
    past = [SimpleNamespace(begin_s=4.0, end_s=6.0), SimpleNamespace(begin_s=11.0, end_s=None)]  # of twelve seconds
    state = alarm(active=True, score=4.2, since_s=11.0, worst=SimpleNamespace(score=14.2))
    view = view_of(chord, detector=alarming(state, past))
    lines = Layout(True).lines(view.scene(), 80, 24)
    (row,) = (row for row in words(view, 100) if "ALARM since 0:11" in row)
    assert "score 4.2 of 8.2" in row and "0 so far  worst 14.2" in row
    for row in lines[5:8]:
        cells = [one.style.color.name for one in row[1:] for _ in one.text]  # 0.4 s each, the newest at the right edge
        red = [80 - 9 - place for place, colour in enumerate(cells) if colour == BRIGHT_RED]
        assert red == [*range(20, 15, -1), 3, 2, 1]


def test_a_flood_of_events_does_not_hide_what_came_singly(chord):
    late = [Event(4.0 + second / 10, "late_hop", "late", 1) for second in range(95)]
    asked = Event(4.05, "source", "nothing but digital silence")
    shown = words(view_of(chord, Played(events=[late[0], asked, *late[1:]])))
    assert any("0:04 nothing but digital silence" in row and "96 so far" in row for row in shown)
    later = [*late, Event(14.1, "late_hop", "late", 1)]
    assert any("0:14 late" in row for row in words(view_of(chord, Played(events=[late[0], asked, *later[1:]]))))


def test_silence_and_exact_copies_are_told_apart():
    meters = Meters(8000, 1, model=audiocos.load("exact"))
    assert "now -  " in "\n".join(words(view_of(meters)))
    assert "waiting for sound" not in "\n".join(words(view_of(meters)))
    meters.feed(np.zeros((1, 8000)), np.zeros((1, 8000)))
    text = "\n".join(words(view_of(meters)))
    assert "now -  " in text and "waiting for sound" in text
    tone = 0.5 * np.sin(np.arange(16000))[None]
    meters.feed(tone, tone)
    text = "\n".join(words(view_of(meters)))
    assert "now exact" in text and "exact: nothing is lost" in text


def test_silence_is_dark_among_the_coefficients():
    meters = Meters(8000, 1, model=audiocos.load("lapped-quarter"))
    meters.feed(np.zeros((1, 24000)), np.zeros((1, 24000)))
    assert not re.search("[░▒▓█]", "".join(row[42:] for row in words(view_of(meters), colours=False)[10:16]))
    meters.feed(np.random.default_rng(0).normal(0, 0.1, (1, 24000)), np.zeros((1, 24000)))
    assert "█" in "".join(row[42:] for row in words(view_of(meters), colours=False)[10:16])


def test_what_is_left_out_is_grey_and_said(chord):
    layout, view = Layout(True), view_of(chord, Played(keep=16))
    text = "\n".join("".join(one.text for one in row) for row in layout.lines(view.scene(), 80, 24))
    assert "grey: left out" in text and "keep 16 of 64" in text
    upper = [
        one.style.color.triplet for row in layout.lines(view.scene(), 80, 24)[10:13] for one in row if "▀" in one.text
    ]
    assert upper and all(colour.red == colour.green == colour.blue for colour in upper)


def test_a_peak_above_full_scale_is_orange():
    meters = Meters(8000, 1)
    meters.feed(np.full((1, 800), 0.9, np.float32), np.full((1, 800), 1.2, np.float32))
    peaks = {}
    for row in Layout(True).lines(view_of(meters).scene(), 80, 24):
        if row[0].text.strip() in ("input", "output"):
            peaks[row[0].text.strip()] = row[-2].text, row[-2].style
    assert (peaks["input"][0], peaks["output"][0]) == ("   -0.9", "    1.6")
    assert peaks["output"][1].bold and not peaks["input"][1].bold


def test_without_colours_the_picture_is_still_there(chord):
    text = "\n".join(words(view_of(chord), colours=False))
    assert "░░░" in text and "▓" in text and "▀▀" not in text


def test_a_window_too_small_says_so_and_how_to_leave(chord):
    rows = words(view_of(chord), 40, 5)
    assert [len(row) for row in rows] == [40] * 5
    assert rows[1].strip() == f"This view needs {LEAST_WIDTH} x {LEAST_HEIGHT} cells."
    assert rows[2].strip() == "q quits."
    assert len(words(view_of(chord), 3, 1)) == 1


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize(("drawing_s", "pause_s"), [(0.001, 1 / 15), (0.02, 0.25), (1.0, 0.5)])
def test_fifteen_frames_a_second_or_fewer_where_they_take_more_than_a_share_of_a_core(
    chord, monkeypatch, drawing_s, pause_s
):
    class Three:
        foreground, asked, paused = True, False, []

        def read(self, timeout_s):
            self.paused.append(timeout_s)
            session.ended = len(self.paused) == 3
            return []

        resume = enter = draw = lambda *arguments: None
        size, colours = (80, 24), True

    keys, session, clock = Three(), Played(), iter(np.arange(99) * drawing_s)
    keys.paused = []
    monkeypatch.setattr(
        "audiocos.live.view.time", SimpleNamespace(thread_time=clock.__next__, monotonic=time.monotonic)
    )
    view_of(chord, session).run(keys, keys, keys)
    assert keys.paused == pytest.approx([pause_s] * 3)


def test_only_what_changed_is_written(chord, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    terminal = Terminal()
    with Screen(terminal) as screen:
        screen.enter()
        layout, view = Layout(screen.colours), view_of(chord)
        screen.draw(layout.lines(view.scene(), 80, 25))
        whole = terminal.tell()
        screen.draw(layout.lines(view.scene(), 80, 25))
        assert terminal.tell() == whole
        scene = view.scene()
        changed = replace(scene, status=replace(scene.status, time_s=76.0))
        screen.draw(layout.lines(changed, 80, 25))
        update = terminal.getvalue()[whole:]
        assert 0 < len(update) < 300
        assert update.startswith("\x1b[?2026h") and update.endswith("\x1b[?2026l")
        assert "\x1b[2J" not in update, "a cleared screen flickers"
    assert terminal.getvalue().endswith("\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_a_picture_takes_less_than_a_tenth_of_a_core(chord, size, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    sound, rate = recording("guitar-chord.flac", 4.0)
    meters = Meters(rate, 2, model=audiocos.load("lapped-quarter"))
    with Screen(Terminal()) as screen:
        screen.enter()
        layout, view, spent = Layout(screen.colours), view_of(meters), 0.0
        for start in range(0, sound.shape[1], rate // 15):
            part = sound[:, start : start + rate // 15]
            meters.feed(part, 0.9 * part)
            began = time.thread_time()
            screen.draw(layout.lines(view.scene(), *size))
            spent += time.thread_time() - began
    print(json.dumps({"size": size, "share of a core": spent / 4.0}))
    assert spent < (0.1 if size[0] < 100 else 0.25) * 4.0


def test_where_no_view_can_be_drawn(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    assert can_draw(terminal)
    terminal.encoding = "ascii"
    assert not can_draw(terminal)
    terminal.encoding = "utf-8"
    monkeypatch.setenv("TERM", "dumb")
    assert not can_draw(terminal)
    assert not can_draw(io.StringIO())
    assert not can_draw(None)
