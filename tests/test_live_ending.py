"""However a session ends, and whatever holds it up, its file is whole."""

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import soundfile
from patience import wait_until
from recordings import tree

import audiocos
from audiocos.cli import monitoring
from audiocos.cli.alarming import AlarmOptions
from audiocos.cli.unhurried import Unhurried
from audiocos.errors import AudioFileError, UnreadError
from audiocos.live import alarmcommand, ending, sinks
from audiocos.live import session as sessions
from audiocos.live.alarmstate import AlarmEvent, AlarmState
from audiocos.live.capture import Capture
from audiocos.live.session import Session
from audiocos.live.sinks import FileSink
from audiocos.live.sources import SynthSource

RATE = 8000


@pytest.fixture(autouse=True)
def short(monkeypatch, tmp_path):
    """What takes seconds takes tenths."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ending, "JOIN_S", 0.1)
    monkeypatch.setattr(sessions, "JOIN_S", 0.1)
    monkeypatch.setattr(sinks, "_LOCK_S", 0.1)
    monkeypatch.setattr(monitoring, "_READER_S", 0.3)


def begun(path="take.wav", *, seconds=1e5, taps=(), **options):
    sink = FileSink(path, RATE, 1)
    source = SynthSource("noise", RATE)
    return Session(audiocos.load("exact"), source, sink, realtime=False, seconds=seconds, taps=taps, **options)


class Slow:
    """A tap that keeps the meters waiting once it is told to."""

    def __init__(self):
        self.begun, self.go_on = threading.Event(), threading.Event()

    def feed(self, x, y):
        self.begun.set()
        self.go_on.wait(10)


def stuck_disk(monkeypatch):
    """A disk that does not finish a file until the second event is set; the first says that it was asked to."""
    fsync, back, there = os.fsync, threading.Event(), threading.Event()
    monkeypatch.setattr(os, "fsync", lambda descriptor: (there.set(), back.wait(10), fsync(descriptor)))
    return there, back


def test_a_slow_disk_is_waited_for(monkeypatch):
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (time.sleep(0.3), fsync(descriptor)))
    session = begun()
    session.start()
    session.stop()
    assert soundfile.info("take.wav").frames == round(session.time_s * RATE)
    assert tree(".") == ["take.wav"]


def test_meters_that_are_behind_are_waited_for():
    slow = Slow()
    session = begun(taps=[slow])
    session.start()
    slow.begun.wait(10)
    wait_until(lambda: session._wires.pairs.available > RATE)
    threading.Timer(0.3, slow.go_on.set).start()
    session.stop()
    assert soundfile.info("take.wav").frames == round(session.time_s * RATE) > RATE


def test_what_takes_too_long_is_cut_short_and_what_was_written_is_kept():
    slow = Slow()
    session = begun(taps=[slow])
    session.start()
    slow.begun.wait(10)
    with pytest.raises(AudioFileError, match=r"take\.wav: ends before the sound did"):
        session.stop(cut=lambda: True)
    frames = soundfile.info("take.wav").frames
    assert frames == round(session.time_s * RATE) > 0
    slow.go_on.set()
    while session._threads.alive("meter"):
        time.sleep(0.01)
    assert soundfile.info("take.wav").frames == frames, "nothing is written to what has been left"


def test_a_file_that_can_neither_be_finished_nor_left_is_said_and_the_rest_ends(monkeypatch):
    slow = Slow()
    session = begun(taps=[slow])
    session.start()
    slow.begun.wait(10)

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(os, "link", full)
    with pytest.raises(AudioFileError, match=r"take\.wav: cannot be .* No space left on device"):
        session.stop(cut=lambda: True)
    assert session.ended and not session._threads.alive("hop")
    slow.go_on.set()
    while session._threads.alive("meter"):
        time.sleep(0.01)


def test_a_disk_that_never_ends_costs_no_file(monkeypatch):
    there, back = stuck_disk(monkeypatch)
    session = begun(seconds=1)
    session.start()
    there.wait(10)
    with pytest.raises(AudioFileError, match=r"take\.wav: left while the disk was still writing"):
        session.stop(cut=lambda: True)
    assert soundfile.info("take.wav").frames == RATE
    back.set()
    while session._threads.alive("meter"):
        time.sleep(0.01)
    assert tree(".") == ["take.wav"]


@pytest.mark.parametrize("links", [True, False])
def test_two_recordings_of_one_name_are_both_kept(monkeypatch, links):
    def refused(source, target):
        raise PermissionError(1, "Operation not permitted")

    if not links:  # as of a file system that has none
        monkeypatch.setattr(os, "link", refused)
    sessions = [begun(seconds=seconds) for seconds in (1, 2, 3)]
    sessions[0].run()
    for number, session in enumerate(sessions[1:], 2):
        told = rf"^take\.wav: appeared while .* was not replaced\. This is in take-{number}\.wav\.$"
        with pytest.raises(AudioFileError, match=told):
            session.run()
    assert tree(".") == ["take-2.wav", "take-3.wav", "take.wav"]
    lengths = [soundfile.info(name).frames / RATE for name in ("take.wav", "take-2.wav", "take-3.wav")]
    assert lengths == [1, 2, 3]


def test_a_recording_replaces_what_has_got_its_name_only_where_it_may():
    session = Session(
        audiocos.load("exact"), SynthSource("noise", RATE), FileSink("take.wav", RATE, 1, replace=True), seconds=1,
        realtime=False,
    )  # fmt: skip
    with open("take.wav", "w") as file:
        file.write("old")
    session.run()
    assert tree(".") == ["take.wav"] and soundfile.info("take.wav").frames == RATE


def test_what_is_left_behind_takes_no_other_files_place(monkeypatch):
    there, back = stuck_disk(monkeypatch)
    session = begun(seconds=1)
    session.start()
    there.wait(10)
    with open("take.wav", "w") as file:
        file.write("mine")
    with pytest.raises(AudioFileError, match=r"take-2\.wav: left while the disk was still writing"):
        session.stop(cut=lambda: True)
    back.set()
    while session._threads.alive("meter"):
        time.sleep(0.01)
    assert os.path.getsize("take.wav") == len("mine") and soundfile.info("take-2.wav").frames == RATE


def test_signals_wait_for_files_but_for_ctrl_c_of_who_was_told(capfd):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Unhurried() as signals:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
                os.kill(os.getpid(), number)
            assert not signals.cut() and not signals.cut(), "nobody was told yet"
            os.kill(os.getpid(), signal.SIGTERM)
            assert not signals.cut()
            os.kill(os.getpid(), signal.SIGINT)
            assert signals.cut()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    said = []
    wait_until(lambda: said.append(capfd.readouterr().err) or "".join(said).endswith("\n"))
    assert "".join(said).count("Ctrl-C cuts it short") == 1


@contextmanager
def unread(monkeypatch):
    """Standard output is a pipe that nobody reads until the end."""
    reader, writer = os.pipe()
    with open(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        yield
        drain = threading.Thread(target=lambda: [*iter(lambda: os.read(reader, 65536), b"")])
        drain.start()
        for thread in threading.enumerate():
            if thread.name in ("audiocos-outbox", "audiocos-meter"):
                thread.join(10)
        monkeypatch.undo()
    drain.join()
    os.close(reader)


def test_lines_that_nobody_reads_cost_neither_the_file_nor_the_end(monkeypatch):
    source = SynthSource("noise", RATE)
    monitor = monitoring.Monitor(audiocos.load("exact"), source, "synth:noise", "take.wav", as_json=True, fast=True)
    session = begun(taps=monitor.taps)

    def terminated(seconds):
        while session.time_s < 400:  # lines of 400 bytes or more fill a pipe of 64 KiB
            time.sleep(0.01)
        sys.exit(143)

    monkeypatch.setattr(session, "wait", terminated)
    with unread(monkeypatch):
        with pytest.raises(UnreadError, match=r"standard output: its reader takes nothing; not written: \d+ lines"):
            monitor.watch(session)
        assert soundfile.info("take.wav").frames == round(session.time_s * RATE)


def test_a_mistake_in_the_program_leaves_the_file_whole_and_the_summary_told(capfd):
    class Mistaken:
        def feed(self, x, y):
            raise ValueError("a mistake")

    source = SynthSource("noise", RATE)
    monitor = monitoring.Monitor(audiocos.load("exact"), source, "synth:noise", "take.wav", as_json=False, fast=True)
    session = begun(taps=[Mistaken()])
    with pytest.raises(ValueError, match="a mistake"):
        monitor.watch(session)
    assert soundfile.info("take.wav").frames == round(session.time_s * RATE) > 0
    assert f"{session.time_s:.2f} s monitored" in capfd.readouterr().out


def test_sound_that_nobody_reads_does_not_hang(monkeypatch):
    with unread(monkeypatch):
        session = begun("-")
        session.start()
        wait_until(lambda: 4 * RATE * session.time_s >= 2**16)  # as much as a pipe holds
        with pytest.raises(UnreadError, match="standard output: its reader takes nothing"):
            session.stop()
        assert not session._threads.alive("hop")  # it is not waited for in vain


def test_the_command_of_an_alarm_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(alarmcommand, "_LEAVE_S", 0.2)
    source = SynthSource("noise", RATE)
    monitor = monitoring.Monitor(audiocos.load("exact"), source, "synth:noise", "none", as_json=False, fast=True)
    hold = "sh -c 'until test -e go; do sleep 0.05; done'"
    monitor.watch_for(AlarmOptions(alarm_below=1.0, on_alarm=hold), patient=True, fast=True)
    command, begun_at = monitor._alarms._command, []

    class Alarm:
        def feed(self, x, y):
            if len(begun_at) < 2:  # the second waits for the first one's command
                begun_at.append(time_s := 1.0 + 100 * len(begun_at))
                command.change(AlarmEvent(AlarmState(True, 9.0, 5.0, (1.0,), (0.0, 1.0)), time_s, time_s))

    session = begun(taps=[Alarm()])

    def interrupted(session):
        wait_until(lambda: len(begun_at) == 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(monitor, "_show", interrupted)
    assert monitor.watch(session) == 128 + signal.SIGINT
    texts = [event.text for event in session.events]
    assert any("was not run for 1 alarm" in text for text in texts) and any("still running" in text for text in texts)
    open("go", "w").close()
    command._thread.join()


def recording(*, keep=None, record_alarms=None):
    """A session, and what shows it while it records what is listened to."""
    source = SynthSource("noise", RATE)
    monitor = monitoring.Monitor(audiocos.load("exact"), source, "synth:noise", "none", as_json=False)
    options = (
        AlarmOptions(alarm_below=100.0, hold=0.0, record_alarms=record_alarms) if record_alarms else AlarmOptions()
    )
    monitor.watch_for(options, patient=True, fast=True)
    monitor._capture = Capture(RATE, 1, lambda: "input")
    name = monitor._capture.start()
    return monitor, begun(seconds=3, judges=monitor.judges, taps=monitor.taps, keep=keep), name


def test_the_page_is_written_also_where_the_terminal_has_gone(monkeypatch):
    monitor = monitoring.Monitor(
        audiocos.load("exact"), SynthSource("noise", RATE), "synth:noise", "none", as_json=False
    )
    monitor.report_to("page.html", False)
    session = begun(seconds=1, taps=monitor.taps)

    def closed(session):
        session.wait(10)
        raise SystemExit(129)

    monkeypatch.setattr(monitor, "_show", closed)
    reader, writer = os.pipe()
    os.close(reader)
    monitor._file = open(writer, "w")  # noqa: SIM115
    with pytest.raises(BrokenPipeError):
        monitor.watch(session)
    assert os.path.getsize("page.html") > 10_000
    with suppress(BrokenPipeError):
        monitor._file.close()


def test_the_page_is_written_also_where_who_reads_the_lines_goes_in_mid_run(monkeypatch):
    source = SynthSource("noise", RATE)
    monitor = monitoring.Monitor(audiocos.load("exact"), source, "synth:noise", "none", as_json=True, fast=True)
    monitor.report_to("page.html", False)
    reader, writer = os.pipe()
    os.close(reader)
    with monkeypatch.context() as patch, suppress(BrokenPipeError), open(writer, "w") as stdout:
        patch.setattr(sys, "stdout", stdout)
        with pytest.raises(BrokenPipeError):
            monitor.watch(begun(taps=monitor.taps))
    assert os.path.getsize("page.html") > 10_000


def test_what_is_recorded_when_it_ends_is_named(capfd):
    monitor, session, name = recording()
    assert monitor.watch(session) == 0
    assert f"recorded 3.0 s: {name}" in capfd.readouterr().err
    assert soundfile.info(name).frames == 3 * RATE


def test_a_recording_that_fails_costs_no_other(monkeypatch):
    monitor, session, name = recording(keep=1, record_alarms="alarms")
    fsync, main = os.fsync, threading.main_thread()

    def full(descriptor):
        if threading.current_thread() is main:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AudioFileError, match=rf"{name}: cannot be finished: No space left"):
        monitor.watch(session)
    (folder,) = os.listdir("alarms")
    assert sorted(os.listdir(f"alarms/{folder}")) == ["alarm.json", "input.wav", "residual.wav"]
    assert np.any(soundfile.read(f"alarms/{folder}/residual.wav")[0])


def test_what_failed_first_is_raised_and_the_rest_is_told(monkeypatch, capfd):
    monitor, session, name = recording()
    stop = session.stop

    def fails(*arguments):
        stop(*arguments)
        raise AudioFileError("the first.")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session, "stop", fails)
    session.start()
    session.wait(10)
    monkeypatch.setattr(os, "fsync", full)
    monitor._session = session
    with pytest.raises(AudioFileError, match="the first"):
        monitor._finish(session)
    assert [event.kind for event in session.events] == ["failure"]
    assert name in session.events[0].text
