"""The view in a terminal of its own: what 80 x 24 show, keys, sizes, and that every way out leaves it as it was."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("termios")
from conftest import needs
from terminal import Terminal

HERE = Path(__file__).parent
PATHS = {"PYTHONPATH": f"{HERE.parent}:{HERE}"}
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?25h\x1b[?1049l"


def monitor(name="speech-demo.wav", seconds=60, ending="plain", **options):
    environment = PATHS | options.pop("environment", {})
    arguments = [sys.executable, str(HERE / "monitor_a_recording.py"), name, str(seconds), ending]
    return Terminal(arguments, environment=environment, **options)


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    monkeypatch.chdir(HERE.parent)


def test_80_by_24_show_sound_as_it_goes_by():
    with monitor("guitar-chord.flac") as terminal:
        terminal.wait_for_clock(2)
        terminal.wait_for("quit")
        rows = terminal.rows
        assert rows[0].startswith("audiocos lapped-quarter  guitar-chord.flac  44.1 kHz stereo")
        assert [row.split()[0] for row in rows[1:5]] == ["input", "output", "residual", "SNR"]
        assert "█" in rows[1] and "dB" in rows[4]
        assert "spectrum" in terminal.text and "coefficients" in terminal.text
        assert [row.split()[0] for row in rows[18:23]] == ["latency", "load", "counts", "events", "alarm"]
        before = rows[0]
        terminal.wait_until(lambda: terminal.rows[0] != before, "the clock's going on")
        terminal.type("q")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0
        assert "over, before its end" in terminal.text


def test_keys_reach_the_session_at_once():
    with monitor() as terminal:
        terminal.wait_for("quit")
        for keys, told in (("r", "listening to the residual"), ("-\x1b[D", "the lowest 32 of 64"), ("\x1b", "")):
            terminal.type(keys)
            terminal.wait_for(told)
        terminal.type("\x1cf")  # Ctrl-\ ends nothing
        terminal.wait_for("frozen")
        terminal.type("F")
        terminal.wait_until(lambda: "frozen" not in terminal.text)
        terminal.type("Q")
        terminal.wait()
        assert "listening to residual, keep 32" in terminal.text


def test_a_recording_is_whole_when_the_key_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with monitor() as terminal:
        terminal.wait_for("quit")
        terminal.type("c")
        terminal.wait_until(lambda: re.search(r"rec 0:0[1-9]", terminal.text))
        terminal.type("c")
        terminal.wait_for("recorded ")
        terminal.type("q")
        terminal.wait()
    (made,) = tmp_path.glob("audiocos-*.wav")
    assert made.stat().st_size > 4 * 8000


def test_it_follows_the_size_of_the_window():
    with monitor() as terminal:
        terminal.wait_for("quit")
        for size in ((120, 40), (64, 18), (80, 24)):
            terminal.resize(*size)
            terminal.wait_until(
                lambda: terminal.rows[-1].rstrip().endswith("quit") and terminal.rows[0].startswith("audiocos")
            )
            terminal.wait_until(
                lambda: not any(row.startswith("audiocos") for row in terminal.rows[1:]), "no traces of the old size"
            )
        terminal.resize(60, 20)
        terminal.wait_for("This view needs 64 x 18", "q quits")
        terminal.type("q")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


@pytest.mark.paced
def test_frames_come_whole_and_only_their_changes():
    with monitor() as terminal:
        terminal.wait_for_clock(2)
        terminal.look(0.3)  # what has been waiting in the terminal
        for _ in range(3):  # a machine that is busy for a moment has it draw less
            terminal.raw, began = b"", time.monotonic()
            terminal.wait_until(lambda: terminal.raw.count(b"\x1b[?2026l") >= 20, "twenty frames")
            frames = terminal.raw.split(b"\x1b[?2026h")[1:]
            a_second = len(frames) / (time.monotonic() - began)
            assert a_second <= 20
            if a_second >= 8:
                break
        assert a_second >= 8
        assert all(frame.endswith(b"\x1b[?2026l") for frame in frames[:-1])
        assert b"\x1b[2J" not in terminal.raw
        assert len(terminal.raw) / len(frames) < 100_000 / 15


@pytest.mark.parametrize("way", ["quit", "end", "fails", "interrupt", "terminate"])
def test_every_way_out_puts_the_terminal_back(way):
    seconds = 2 if way == "end" else 60
    with monitor(seconds=seconds, ending=way) as terminal:
        before = terminal.settings()
        terminal.wait_for("quit")
        assert terminal.settings() != before
        if way == "quit":
            terminal.type("q")
        elif way == "interrupt":
            terminal.type("\x03")
        elif way == "terminate":
            terminal.wait_for_clock(1)
            os.kill(terminal.pid, signal.SIGINT)  # what `audiocos` makes of SIGTERM is an exception, too
        status = terminal.wait()
        assert terminal.settings() == before
        assert terminal.raw.count(ENTER) == terminal.raw.count(LEAVE) == 1
        after = terminal.raw.split(LEAVE)[1]
        if way in ("quit", "end"):
            assert os.waitstatus_to_exitcode(status) == 0
            assert b"over" in after
        else:
            assert (b"on purpose" if way == "fails" else b"KeyboardInterrupt") in after


@needs("bash")
def test_ctrl_z_lends_the_terminal_to_the_shell_and_fg_takes_it_back():
    with Terminal(["bash", "--norc", "--noprofile", "-i"], environment={"PS1": "ready> ", **PATHS}) as terminal:
        terminal.wait_for("ready>")
        terminal.type(f"{sys.executable} tests/monitor_a_recording.py speech-demo.wav 60 plain\n")
        terminal.wait_for("coefficients", "quit")
        terminal.type("\x1a")
        terminal.wait_for("Stopped", "ready>")
        assert terminal.raw.count(ENTER) == terminal.raw.count(LEAVE) == 1
        terminal.type("echo shell-$((6 * 7))\n")
        terminal.wait_for("shell-42")
        terminal.type("fg\n")
        terminal.wait_until(lambda: terminal.raw.count(ENTER) == 2)
        terminal.wait_until(lambda: b"coefficients" in terminal.raw.split(ENTER)[2])
        terminal.type("q")
        terminal.wait_for("over, before its end")
        terminal.wait_until(lambda: terminal.raw.endswith(b"ready> "))
        terminal.type("exit\n")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


@needs("bash")
def test_in_the_background_it_neither_draws_nor_takes_keys():
    with Terminal(["bash", "--norc", "--noprofile", "-i"], environment={"PS1": "ready> ", **PATHS}) as terminal:
        terminal.wait_for("ready>")
        terminal.type(f"{sys.executable} tests/monitor_a_recording.py speech-demo.wav 3 plain &\n")
        terminal.wait_for("over, at its end")
        assert ENTER not in terminal.raw and "coefficients" not in terminal.text and "Stopped" not in terminal.text
        terminal.type("exit\n")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


@needs("timeout")
@pytest.mark.parametrize("option", ["", "--foreground"])
def test_a_job_begun_in_the_background_prints_lines_and_says_why(option):
    monitor = f"{sys.executable} -m audiocos monitor synth:noise --seconds 1.5"
    with Terminal(["sh", "-c", f"timeout {option} 60 {monitor}; echo all done"], (160, 24), None, PATHS) as terminal:
        terminal.wait_for("all done")  # `timeout` makes a process group of its own, unless told not to
        assert b"monitored, SNR" in terminal.raw
        assert (ENTER in terminal.raw) == bool(option)
        if not option:
            terminal.wait_for("is a job in the background", "A line a second", "0:01.0  SNR")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0


def test_keys_come_from_the_terminal_where_standard_input_is_the_sound():
    reader, writer = os.pipe()
    with monitor(stdin=reader) as terminal:
        terminal.wait_for("quit")
        os.write(writer, b"qqqq")
        terminal.look(0.5)
        assert "residual" in terminal.text
        terminal.type("q")
        assert os.waitstatus_to_exitcode(terminal.wait()) == 0
    os.close(reader)
    os.close(writer)


def test_without_colours_the_view_is_readable():
    with monitor(environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("quit", "░")
        assert b"38;2" not in terminal.raw and b"48;2" not in terminal.raw
        terminal.type("q")
        terminal.wait()


def test_keys_can_be_imported_where_there_is_no_termios():
    code = "import sys; sys.modules.update(termios=None, fcntl=None, pty=None, tty=None); import audiocos.live.view"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parent)


def test_watching_needs_neither_torch_nor_what_only_files_need():
    code = "import audiocos.live.view, audiocos.live.lines, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parent, capture_output=True, text=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert not modules & {"torch", "librosa", "matplotlib", "sounddevice", "numba"}
