"""What `audiocos monitor --json` says of a file: the figures of `reconstruct`, a line a second, what is timed."""

import json
import os
import threading

import numpy as np
import pytest
import soundfile
from conftest import rows
from recordings import make, voice

import audiocos

SAMPLES = os.path.join(os.path.dirname(__file__), "..", "samples")


COUNTERS = [
    "input_overflows", "output_underflows", "late_hops", "dropped_samples", "zero_filled_samples", "bypassed_samples",
    "clipped_samples", "sanitized_samples", "unmetered_samples",
]  # fmt: skip


KEYS = [
    "time_s", "snr_db", "residual_dbfs", "input_dbfs", "output_dbfs", "hop_ms_p50", "hop_ms_p99", "hop_ms_max",
    *COUNTERS, "alarm",
]  # fmt: skip


def reconstructed(audiocos_command, path, *options):
    done = audiocos_command("reconstruct", path, "-o", "out.wav", "--force", "--json", *options)
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize("speed", ["max", "realtime"])
@pytest.mark.parametrize(("model", "resampled"), [("lapped-quarter", False), ("speech-8k", True), ("exact", False)])
def test_a_file_has_the_figures_that_reconstruct_gives(monitor, audiocos_command, model, resampled, speed):
    make("in.wav", voice(2.3, 22050, 2), 22050)
    options = ["--resample"] if resampled else []
    expected = reconstructed(audiocos_command, "in.wav", "--model", model, *options)
    summary = rows(monitor("in.wav", "--model", model, "--speed", speed, "--json"))[-1]
    assert summary["frames"] == expected["frames"]
    for key in ("snr_db", "segmental_snr_db", "max_abs_error", "log_spectral_distance_db"):
        assert summary[key] == pytest.approx(expected[key], abs=1e-3), key
    assert model != "exact" or summary["snr_db"] is None


@pytest.mark.parametrize("name", ["speech-demo.wav", "cymbal-splash.flac", "piano-notes.wav"])
def test_samples_have_the_figures_that_reconstruct_gives(monitor, audiocos_command, name):
    path = os.path.join(SAMPLES, name)
    expected = reconstructed(audiocos_command, path, "--model", "lapped-quarter")
    assert rows(monitor(path, "--model", "lapped-quarter", "--speed", "max", "--json"))[-1]["snr_db"] == pytest.approx(
        expected["snr_db"], abs=0.01
    )


def test_a_line_a_second_and_a_summary(monitor):
    x = voice(3.4, 16000)
    make("in.wav", x, subtype="DOUBLE")
    *seconds, summary = rows(monitor("in.wav", "--model", "lapped-quarter", "--speed", "max", "--json"))
    assert [list(row) for row in seconds] == [KEYS] * 4
    assert [row["time_s"] for row in seconds] == [1.0, 2.0, 3.0, 3.4]
    signal_in = x.T[:, : 3 * 16000]
    y = audiocos.load("lapped-quarter").reconstruct(x.T)[:, : 3 * 16000]
    for i, row in enumerate(seconds[:3]):
        part = slice(i * 16000, (i + 1) * 16000)
        a, b = signal_in[:, part], y[:, part]
        for key, z in (("input_dbfs", a), ("output_dbfs", b), ("residual_dbfs", a - b)):
            assert row[key] == pytest.approx(10 * np.log10(np.mean(z**2)), abs=1e-3)
        assert row["snr_db"] == pytest.approx(row["input_dbfs"] - row["residual_dbfs"], abs=1e-9)
    assert summary["summary"] is True
    assert (summary["time_s"], summary["frames"], summary["model"]) == (3.4, 54400, "lapped-quarter")
    assert all(summary[name] == 0 for name in COUNTERS if name != "late_hops")
    assert summary["latency"]["total_samples"] == summary["latency"]["algorithmic_samples"] == 511
    assert summary["events"] == [] or {event["event"] for event in summary["events"]} == {"late_hop"}


def test_silence_has_levels_and_no_snr(monitor):
    first = rows(monitor("synth:silence", "--seconds", "1", "--speed", "max", "--json"))[0]
    assert (first["snr_db"], first["input_dbfs"], first["output_dbfs"], first["residual_dbfs"]) == (None,) * 4


def test_levels_have_no_floor(monitor):
    """The exact pair in float64 loses less than -150 dBFS, and that is the figure; an exact copy has none."""
    x = 1e-3 * voice(1.0, 16000)
    make("in.wav", x, subtype="DOUBLE")
    first = rows(monitor("in.wav", "--speed", "max", "--json"))[0]
    y = audiocos.load("exact").reconstruct(x.T)
    assert first["residual_dbfs"] == pytest.approx(10 * np.log10(np.mean((x.T - y) ** 2)), abs=0.1)
    assert first["residual_dbfs"] < -300
    make("copy.wav", x, subtype="PCM_16")
    assert rows(monitor("copy.wav", "--speed", "max", "--json"))[0]["residual_dbfs"] is None


@pytest.mark.parametrize("output", ["out.flac", "out.ogg", "out.wav"])
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16", "PCM_24"])
def test_figures_are_of_what_is_written(monitor, audiocos_command, subtype, output):
    """As `reconstruct` measures, also where the output has another sample type."""
    make("in.wav", voice(1.0, 16000), subtype=subtype)
    done = audiocos_command("reconstruct", "in.wav", "-m", "exact-overlap", "-o", output, "--json")
    assert done.code == 0, done.err
    expected = json.loads(done.out)
    summary = rows(monitor("in.wav", "-m", "exact-overlap", "--speed", "max", "-o", output, "--force", "--json"))[-1]
    for key in ("snr_db", "max_abs_error"):
        assert summary[key] == pytest.approx(expected[key], abs=0.01), key


@pytest.mark.parametrize(
    ("arguments", "timed", "samples"),
    [
        ("synth:noise --seconds 0.5", "hops of 512 samples", 512),
        ("synth:noise --seconds 2 --speed max -m exact-overlap", "groups of 32 hops, 8192 samples", 8192),
        ("synth:noise --rate 16000 --seconds 0.5 -m speech-8k", "blocks of 256 samples, converted both ways", 256),
    ],
)
def test_it_is_said_what_is_timed_and_judged_against_its_own_length(monitor, arguments, timed, samples):
    rate = 16000 if "16000" in arguments else 48000
    summary = rows(monitor(*arguments.split(), "--json"))[-1]
    assert (summary["timed"], summary["timed_samples"]) == (timed, samples)
    assert summary["deadline_ms"] == pytest.approx(1e3 * samples / rate)
    assert f"{timed}: p50 " in monitor(*arguments.split()).out


def test_a_line_has_the_hop_times_of_the_last_ten_seconds_and_the_summary_those_of_the_run(monitor, monkeypatch):
    from audiocos.live.counters import HopTimes, Quantiles

    asked = []
    monkeypatch.setattr(HopTimes, "last", lambda self, seconds: asked.append(seconds) or Quantiles(1.0, 2.0, 3.0))
    monkeypatch.setattr(HopTimes, "over_run", lambda self: Quantiles(4.0, 5.0, 6.0))
    *seconds, summary = rows(monitor("synth:noise", "--seconds", "2", "--speed", "max", "--json"))
    assert [tuple(row[f"hop_ms_{name}"] for name in Quantiles._fields) for row in seconds] == [(1.0, 2.0, 3.0)] * 2
    assert asked == [10.0] * 2
    assert tuple(summary[f"hop_ms_{name}"] for name in Quantiles._fields) == (4.0, 5.0, 6.0)


def test_the_longest_hops_are_in_the_summary(monitor):
    summary = rows(monitor("synth:noise", "--seconds", "3", "--speed", "max", "-m", "exact-overlap", "--json"))[-1]
    took = [each["hop_ms"] for each in summary["outliers"]]
    assert took == sorted(took, reverse=True) and len(took) == 3 * 48000 // summary["timed_samples"]
    assert took[0] == summary["hop_ms_max"]
    assert all(0 < each["time_s"] <= 3 for each in summary["outliers"])


def test_the_summary_of_silence_claims_no_copy(monitor):
    soundfile.write("silent.wav", np.zeros(16000), 16000)
    assert "SNR -," in monitor("silent.wav", "--speed", "max").out


def test_a_flood_is_kept_as_runs_and_hides_nothing():
    from audiocos.live.log import MOST_EVENTS, Journal, Log

    log = Log(48000, capacity=1000)
    journal = Journal([log], lambda: 0.0)
    for second in range(30):
        for i in range(900 if second != 15 else 0):  # a pause of a second and more divides two runs
            log.note("input_overflow", 48000 * second + 50 * i, 0)
        if second in (3, 29):
            log.note("late_hop", 48000 * second, 5000 + second)
        journal.collect()
    for _ in range(MOST_EVENTS + 1):
        journal.note("alarm", "It was not run for 1 alarm: it was running.")
    assert journal.missed == 1, "of those that came singly the oldest has gone"
    found = [event.row() for event in journal.by_time() if event.kind != "alarm"]
    one, two = ({"event": "input_overflow", "times": times} for times in (15 * 900, 14 * 900))
    late = {"event": "late_hop", "count": 1}
    assert [{key: row[key] for key in like} for row, like in zip(found, [one, late, two, late], strict=True)] == [
        one, late, two, late,
    ]  # fmt: skip
    assert found[0]["text"] == "13500 times in 14.9 s: input overflow, says the device"
    assert (found[0]["time_s"], found[0]["until_s"]) == (0.0, pytest.approx(14 + 899 * 50 / 48000))
    assert (found[3]["time_s"], found[3]["took_ms"]) == (29.0, 5.029)
    assert len(journal.by_time()) == 4 + MOST_EVENTS
    told = journal.since(0)
    assert len(told) == MOST_EVENTS
    assert told[-1].text == "It was not run for 1 alarm: it was running"  # it stands in lists
    assert journal.since(len(told)) == []


def test_what_is_told_is_told_once_even_where_the_oldest_has_gone(monkeypatch):
    from audiocos.live import log

    monkeypatch.setattr(log, "MOST_EVENTS", 4)
    journal, told, heard = log.Journal([], lambda: 0.0), 0, []

    def hear(most):
        nonlocal told
        heard.extend(event.text for event in journal.since(told)[:most])
        told += len(journal.since(told)[:most])

    for count, most in ((3, 2), (1, 2), (4, 4), (7, 1), (2, 4), (0, 4)):
        for _ in range(count):
            journal.note("alarm", str(journal.missed + len(journal.by_time())))
        hear(most)
    assert heard == [*"0123", *"4567", "11", "13", "14", "15", "16"]
    assert [event.text for event in journal.by_time()] == ["13", "14", "15", "16"]
    assert journal.missed == 13


def test_notes_and_floods_of_two_threads_do_not_mix():
    from audiocos.live.log import Journal, Log

    log = Log(1000)
    journal, notings = Journal([log], lambda: 0.0), []

    class Noting(dict):  # another thread's note, at the worst moment
        def __setitem__(self, key, value):
            super().__setitem__(key, value)
            notings.append(threading.Thread(target=journal.note, args=("alarm", "one")))
            notings[-1].start()
            notings[-1].join(0.05)

    journal._last_run = Noting()
    for at in (0, 100):
        log.note("late_hop", at, 900)
        journal.collect()
        notings[0].join()
    assert sorted((event.kind, event.times) for event in journal.by_time()) == [("alarm", 1), ("late_hop", 2)]


def test_runs_add_up_what_they_count():
    from audiocos.live.log import Journal, Log

    log = Log(1000)
    journal = Journal([log], lambda: 0.0)
    for at, us, lost in ((0, 900, 3), (500, 2500, 4), (900, 1200, 5)):
        log.note("late_hop", at, us)
        log.note("input_overflow", at, lost)
    log.note("input_overflow", 950, 0)
    journal.collect()
    late, lost, said = journal.by_time()
    assert late.row() == {
        "event": "late_hop", "time_s": 0.0, "text": "3 times in 0.9 s, the longest: late: computing took 2.50 ms",
        "count": 3, "took_ms": 2.5, "times": 3, "until_s": 0.9,
    }  # fmt: skip
    assert (lost.count, lost.text) == (12, "3 times in 0.9 s, together: input overflow: 12 samples lost")
    assert (said.time_s, said.times) == (0.95, 1)


def test_events_that_are_not_kept_are_counted(monitor):
    from audiocos.live.log import Journal, Log

    log = Log(48000, capacity=8)
    journal = Journal([log], lambda: 0.0)
    for i in range(10):
        log.note("late_hop", i, 1)
    journal.collect()
    assert journal.missed == 2
    assert rows(monitor("synth:noise", "--speed", "max", "--seconds", "1", "--json"))[-1]["events_not_kept"] == 0


def test_figures_of_what_was_not_timed_are_null(monitor):
    make("in.wav", voice(0.02, 16000), 16000)  # no group of hops is ever whole
    second, summary = rows(monitor("in.wav", "--speed", "max", "--json"))
    for row in (second, summary):
        assert [row[f"hop_ms_{name}"] for name in ("p50", "p99", "max")] == [None, None, None]
    assert "none was timed" in monitor("in.wav", "--speed", "max").out
