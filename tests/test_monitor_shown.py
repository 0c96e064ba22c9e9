"""What `audiocos monitor` shows: the view in a terminal, lines elsewhere, alarms, the page."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import rows
from recordings import make, voice

from audiocos import signals

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples"


def in_a_terminal(folder, *arguments, **options):
    pytest.importorskip("termios")
    from terminal import Terminal

    code = f"import os; os.chdir({str(folder)!r}); from audiocos.cli.main import main; main({list(arguments)})"
    environment = {"PYTHONPATH": str(HERE.parent)}
    return Terminal([sys.executable, "-c", code], environment=environment, **options)


def test_the_view_shows_a_session_and_its_keys_switch_it(tmp_path):
    with in_a_terminal(tmp_path, "monitor", "synth:speech-like", "--model", "exact-lapped") as terminal:
        terminal.wait_for("audiocos exact-lapped", "synth:speech-like", "quit")
        terminal.wait_for_clock(1)
        for key, told in (("r", "listening to the residual"), ("-", "the lowest 192 of 256"), ("c", ".wav")):
            terminal.type(key)
            terminal.wait_for(told)
        terminal.wait_until(lambda: "rec" in terminal.rows[0] and "rec 0:00" not in terminal.rows[0])
        terminal.type("q")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0
        assert "monitored, SNR" in terminal.text
    (recorded,) = tmp_path.glob("audiocos-*.wav")
    assert len(soundfile.read(recorded)[0]) > 10_000


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_view_with_a_summary_and_whole_files(tmp_path, name):
    with in_a_terminal(tmp_path, "monitor", "synth:tone", "-o", "out.wav") as terminal:
        before = terminal.settings()
        terminal.wait_for("synth:tone", "quit")
        assert terminal.settings() != before
        terminal.type("c")
        terminal.wait_for("recording what is listened to")
        os.kill(terminal.pid, getattr(signal, name))
        assert os.waitstatus_to_exitcode(terminal.wait()) == 128 + getattr(signal, name)
        assert terminal.settings() == before
        assert terminal.raw.count(b"\x1b[?1049h") == terminal.raw.count(b"\x1b[?1049l") == 1
        assert "monitored, SNR" in terminal.text
        (recorded,) = tmp_path.glob("audiocos-*.wav")
        assert recorded.name in terminal.text, "what is recorded is named when it ends"
    assert {path.name for path in tmp_path.iterdir()} == {"out.wav", recorded.name}
    assert len(soundfile.read(tmp_path / "out.wav")[0]) > 0


def test_a_terminal_too_small_gets_lines(tmp_path):
    with in_a_terminal(tmp_path, "monitor", "synth:tone", "--seconds", "2.5", size=(60, 10)) as terminal:
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0
        assert b"\x1b[?1049h" not in terminal.raw
        assert "2.50 s monitored" in terminal.text.replace("\n", "")
        assert "load p99" in terminal.text
        why = b"The view needs 64 x 18 cells, and this terminal has 60 x 10. A line a second instead."
        assert terminal.raw.count(why) == 1


def test_no_terminal_gets_lines(monitor):
    done = monitor("synth:tone", "--seconds", "2.2")
    lines = done.out.splitlines()
    assert re.match(r"   0:0[12]\.\d  SNR .* load p99", lines[0])
    assert any(line.startswith("2.20 s monitored, SNR ") for line in lines)


def test_an_alarm_is_in_the_lines_and_the_summary(monitor, audiocos_command):
    rng = np.random.default_rng(0)
    quiet = 0.1 * signals.speech_like(8000 * 60, 8000)
    make("normal/a.wav", quiet, 8000)
    odd = quiet[: 8000 * 12].copy()
    odd[8000 * 5 : 8000 * 7] += 0.1 * rng.standard_normal(16000)
    make("odd.wav", odd, 8000)
    done = audiocos_command("calibrate", "speech-8k", "normal", "-o", "mine")
    assert done.code == 0, done.err
    options = ["--model", "mine", "--alarm", "--speed", "max"]
    *lines, summary = rows(monitor("odd.wav", *options, "--json"))
    seconds, events = [row for row in lines if "event" not in row], [row for row in lines if "event" in row]
    assert [(row["event"], row["active"]) for row in events] == [("alarm", True), ("alarm", False)] * summary["alarms"]
    after = lines[lines.index(events[0]) + 1]
    assert after["alarm"]["active"] and after["time_s"] == events[0]["time_s"] in (6.0, 7.0)
    assert events[0]["score"] > events[0]["threshold"] and events[0]["begin_s"] == events[0]["time_s"] - 1
    assert events[1]["begin_s"] == events[0]["begin_s"] and len(events[1]["bands"]) == 16
    assert [event for event in summary["events"] if event["event"] == "alarm"] == events
    active = [row["time_s"] for row in seconds if row["alarm"]["active"]]
    assert active[0] in (6.0, 7.0)
    assert not any(row["alarm"]["active"] for row in seconds[:5])
    assert [row["alarm"]["judged_s"] for row in seconds] == [row["time_s"] for row in seconds]
    assert all(len(row["alarm"]["bands"]) == 16 for row in seconds if row["alarm"]["score"] is not None)
    assert summary["alarms"] >= 1
    told = monitor("odd.wav", *options, "--record-alarms", "kept")
    assert "alarm: score" in told.err
    assert told.out.rstrip().endswith(f"; {summary['alarms']} alarm{'s' if summary['alarms'] > 1 else ''}")
    assert list(Path("kept").rglob("*.wav"))


def test_the_rest_of_a_second_is_not_judged(monitor):
    make("in.wav", signals.speech_like(8000 * 5 // 2, 8000), 8000)
    options = ["--model", "speech-8k", "--speed", "max", "--json"]
    *whole, rest, _ = [json.loads(line) for line in monitor("in.wav", *options, "--alarm").out.splitlines()]
    assert [row["alarm"]["score"] is None for row in (*whole, rest)] == [False, False, True]
    assert (rest["time_s"], rest["alarm"]["judged_s"], rest["alarm"]["bands"]) == (2.5, 2.0, None)
    *plain, _ = [json.loads(line) for line in monitor("in.wav", *options, "--alarm-below", "99").out.splitlines()]
    plain = [row for row in plain if "event" not in row]
    assert [(row["alarm"]["active"], row["alarm"]["bands"]) for row in plain] == [(True, None)] * 3


def test_a_model_that_knows_no_normal_raises_no_alarm(monitor):
    done = monitor("synth:tone", "--alarm", code=1)
    assert done.err.startswith('audiocos: model "exact" does not know what is normal. Run `audiocos calibrate')


def test_the_page_is_that_of_the_stretch(monitor):
    make("in.wav", voice(1.5, 16000), 16000)
    expected = json.loads(monitor("in.wav", "-m", "lapped-quarter", "--speed", "max", "--json").out.splitlines()[-1])
    monitor("in.wav", "-m", "lapped-quarter", "--speed", "max", "--report", "page.html")
    page = Path("page.html").read_text()
    assert "Monitored through the model" in page
    assert f"<td>{expected['snr_db']:.2f}</td>" in page
    assert "page.html: exists already. Pass --force" in monitor("in.wav", "--report", "page.html", code=1).err
