"""The command of an alarm: run without a shell, seldom, never in the way; what goes wrong is said."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading

import pytest
from patience import wait_until

from audiocos.errors import UsageError
from audiocos.live.alarmcommand import AlarmCommand, parse
from audiocos.live.alarmstate import AlarmEvent, AlarmState

PYTHON = shlex.quote(sys.executable)


def event(active=True, time_s=11.0):
    return AlarmEvent(AlarmState(active, 9.0, 5.0, (1.0,) * 16, tuple(range(17))), time_s, 10.0)


def script(code):
    return f"{PYTHON} -c {shlex.quote(code)}"


def run(command, events=1, **options):
    said = []
    runner = AlarmCommand(command, say=said.append, **options)
    for _ in range(events):
        runner.change(event())
    runner.close()
    return said


def test_it_gets_the_alarm_as_json(tmp_path):
    out = tmp_path / "two words.json"
    code = f"import os, sys; open({str(out)!r}, 'w').write(os.environ['AUDIOCOS_ALARM'] + sys.stdin.read())"
    assert run(script(code)) == []
    assert json.loads(out.read_text()) == event().row()


def test_no_shell_comes_in_between(tmp_path):
    out = tmp_path / "arguments"
    code = f"import sys; open({str(out)!r}, 'w').write(repr(sys.argv[1:]))"
    text = script(code) + " '$HOME' * ; rm '' \"a b\" | $(reboot)"
    assert run(text) == []
    assert eval(out.read_text()) == ["$HOME", "*", ";", "rm", "", "a b", "|", "$(reboot)"]


def test_the_end_of_an_alarm_runs_nothing(tmp_path):
    runner = AlarmCommand(script(f"open({str(tmp_path / 'ran')!r}, 'w')"), say=print)
    runner.change(event(active=False))
    runner.close()
    assert not (tmp_path / "ran").exists()


def test_many_alarms_run_it_once(tmp_path):
    command = script(f"open({str(tmp_path / 'ran')!r}, 'a').write('x')")
    said = run(command, events=5)
    assert (tmp_path / "ran").read_text() == "x"
    assert len(said) == 1
    assert "was not run for 4 alarms: within 10 s of another" in said[0]


def test_after_the_pause_it_runs_again(tmp_path):
    said, ran = [], tmp_path / "ran"
    runner = AlarmCommand(f"sh -c 'echo x >> {ran}'", say=said.append, every_s=0.0)
    for times in (1, 2, 3):
        runner.change(event())
        wait_until(lambda times=times: ran.exists() and ran.read_text() == "x\n" * times and not runner.busy)
    runner.close()
    assert said == []


def test_where_no_clock_paces_the_sound_its_seconds_count_and_alarms_wait(tmp_path):
    said, ran = [], tmp_path / "ran"
    runner = AlarmCommand(f"sh -c 'sleep 0.2; echo x >> {ran}'", say=said.append, fast=True)
    for time_s in (11.0, 20.9, 21.0, 39.0):
        runner.change(event(time_s=time_s))
    runner.close()
    assert ran.read_text() == "x\n" * 3
    assert len(said) == 1 and "not run for 1 alarm: within 10 s of sound of another" in said[0]


def test_at_the_end_no_alarm_waits_for_the_command(tmp_path):
    said = []
    runner = AlarmCommand(held(tmp_path), say=said.append, fast=True)
    runner.change(event(time_s=11.0))
    threading.Timer(0.2, runner.hurry).start()
    runner.change(event(time_s=99.0))
    assert runner.busy
    (tmp_path / "go").touch()
    runner.close()
    assert len(said) == 1 and "was not run for 1 alarm" in said[0]


def held(tmp_path):
    """A command that notes that it runs and ends when the file `go` is there."""
    return f"sh -c 'echo x >> {tmp_path}/ran; until test -e {tmp_path}/go; do sleep 0.05; done'"


def test_one_at_a_time(tmp_path):
    said = []
    runner = AlarmCommand(held(tmp_path), say=said.append, every_s=0.0)
    for _ in range(4):
        runner.change(event())
        wait_until((tmp_path / "ran").exists)
    (tmp_path / "go").touch()
    runner.close()
    assert (tmp_path / "ran").read_text() == "x\n"
    assert "not run for 3 alarms" in said[0]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import sys; sys.exit(3)", "failed, exit code 3."),
        ("import sys; print('one\\ntwo', file=sys.stderr); sys.exit(1)", "failed, exit code 1: two."),
        ("import sys; sys.stderr.write('y' * 9**7 + '\\nlast'); sys.exit(1)", "failed, exit code 1: last."),
        ("import sys; sys.exit('It broke.')", "failed, exit code 1: It broke."),
        ("import os; os.kill(os.getpid(), 9)", "failed, signal 9."),
    ],
)
def test_its_failure_is_said(code, text):
    said = run(script(code))
    assert said == [f"The alarm command {script(code)} {text}"]


def test_a_program_that_vanished_is_said(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    said = []
    runner = AlarmCommand(str(program), say=said.append)
    program.unlink()
    runner.change(event())
    runner.close()
    assert said == [f"The alarm command {program} cannot be run: No such file or directory."]


def test_one_that_hangs_is_ended_with_its_children(tmp_path):
    pids = tmp_path / "pids"
    said = run(f"sh -c 'sleep 100 & echo $$ $! > {pids}; wait'", longest_s=2.0)
    assert "took longer than 2 s and was ended" in said[0]
    wait_until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


def alive(pid):
    """Running: neither gone nor a zombie that somebody else has to bury."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_it_leaves_running_holds_nothing_up(tmp_path):
    pid = tmp_path / "pid"
    said = run(f"sh -c 'sleep 100 & echo $! > {pid}'")
    assert alive(int(pid.read_text())), "it was not waited for"
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert said == []


def test_an_alarm_never_waits_and_leaves_no_zombie(tmp_path):
    runner = AlarmCommand(held(tmp_path), say=print, every_s=0.0)
    for _ in range(100):
        runner.change(event())  # the command waits for what comes after
    (tmp_path / "go").touch()
    runner.close()
    children = subprocess.run(["ps", "-o", "stat=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    assert "Z" not in children.stdout


def test_at_the_end_one_that_runs_is_left_to_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("audiocos.live.alarmcommand._LEAVE_S", 0.2)
    said = run(held(tmp_path))
    (tmp_path / "go").touch()
    assert said == [f"The alarm command {held(tmp_path)} is still running and goes on without us."]


def test_no_thread_stays():
    before = threading.active_count()
    for _ in range(10):
        run("true")
    wait_until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no command"),
        ("  ", "names no command"),
        ("'' x", "names no command"),
        ("echo 'open", "no closing quotation"),
        ("no-such-program-here now", "no-such-program-here: no such program"),
        ("./no-such-program", "./no-such-program: no such program. Give its path"),
        ("/etc/passwd", "/etc/passwd: is not executable. Allow it with chmod"),
        ("/etc now", "/etc: is a folder. Give the path of a program"),
        ("etc", "etc: no such program. Give its path"),
    ],
)
def test_a_command_that_cannot_be_is_refused(text, why):
    with pytest.raises(UsageError, match=why):
        parse(text)
