"""Devices that go away and come back; sessions begun and ended many times."""

import contextlib
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest
import soundfile
from duplex import COMMAND, duplex, on_jack
from jack_server import server
from patience import wait_until

import audiocos

pytestmark = [*on_jack, pytest.mark.paced]

SPEECH = str(Path(__file__).parents[1] / "samples" / "speech-demo.wav")
GONE = re.compile(
    r"^audiocos: 0 system \(JACK Audio Connection Kit\): went away after (\d+\.\d) s\. Connect it again, or start its "
    r"server; --reconnect waits for it\.\n",
    re.MULTILINE,
)


class Monitor:
    """`audiocos monitor` in a process and a folder of its own, killed at the end. What it says can be read any time."""

    def __init__(self, folder, *arguments):
        folder.mkdir()
        self.folder = folder
        with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
            self.process = subprocess.Popen([*COMMAND, "monitor", *arguments], stdout=out, stderr=err, cwd=folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def out(self):
        """The lines that it has finished."""
        text = (self.folder / "out").read_text()
        return text[: text.rfind("\n") + 1].splitlines()

    @property
    def rows(self):
        """The same with --json."""
        return [json.loads(line) for line in self.out]

    @property
    def err(self):
        return (self.folder / "err").read_text()

    def end(self):
        """Its exit code, once it has ended by itself."""
        return self.process.wait(10)


def test_killing_the_server_ends_it_cleanly_and_reconnect_carries_on(tmp_path):
    both_ways = ["mic:system", "-o", "system", "--allow-feedback", "--json"]
    commands = {
        "into a file": ["mic:system", "-o", "take.wav", "--json"],
        "full duplex": both_ways,
        "of a file": [SPEECH, "--loop", "-o", "system", "--json"],  # the worker waits for room
        "of a signal": ["synth:noise", "-o", "system", "--json"],
    }
    with server(here=False, period=512) as running, contextlib.ExitStack() as stack:
        ended = {name: stack.enter_context(Monitor(tmp_path / name, *it)) for name, it in commands.items()}
        waiting = stack.enter_context(Monitor(tmp_path / "waiting", *both_ways, "--reconnect"))
        for monitor in (*ended.values(), waiting):
            wait_until(lambda monitor=monitor: monitor.out)
        running.kill()
        killed = time.monotonic()
        for name, monitor in ended.items():
            assert monitor.end() == 1, name
            summary, said = monitor.rows[-1], GONE.search(monitor.err)
            assert said and said.end() == len(monitor.err), monitor.err
            assert float(said[1]) == pytest.approx(summary["time_s"], abs=0.2), name
            assert summary["frames"] > 0.9 * summary["sample_rate"], name
            if name == "into a file":
                assert soundfile.info(monitor.folder / "take.wav").frames == summary["frames"]
        restarted = time.monotonic()
        running.start()
        back = wait_until(lambda: [row for row in waiting.rows if row.get("state") == "back"])
        passed = time.monotonic() - killed
        (told,) = back
        assert restarted - killed < told["away_s"] < passed + 0.2
        assert told["event"] == "device" and told["text"].endswith(f": back after {told['away_s']:.1f} s")
        at = waiting.rows.index(told)
        wait_until(lambda: len(waiting.rows) >= at + 4)
        assert all("snr_db" in row for row in waiting.rows[at + 1 : at + 4])
        waiting.process.terminate()
        assert waiting.end() == 128 + 15
        summary = waiting.rows[-1]
        assert (summary["absences"], summary["away_s"]) == (1, told["away_s"])


def test_a_device_that_is_back_at_another_rate_is_said_once_and_may_go_again(tmp_path):
    arguments = ["mic:system", "--reconnect"]
    with server(here=False, period=512) as running, Monitor(tmp_path / "waiting", *arguments) as waiting:
        wait_until(lambda: waiting.out)
        for rate, word in (("44100", "Waiting on"), ("48000", ": back after ")):
            running.kill()  # the second time while its rate is waited for
            running.command[running.command.index("-r") + 1] = rate
            running.start()
            wait_until(lambda word=word: word in waiting.err)
            time.sleep(1.2)  # two looks more, at what has been said
        waiting.process.terminate()
        assert waiting.end() == 128 + 15
        (away_s,) = re.findall(r"the device was away 1 time, ([\d.]+) s in all", "\n".join(waiting.out))
        assert 0 < float(away_s) < 20
        assert waiting.err.count("does not run at 48000 Hz. Supported: 44100. Waiting on") == 1
        assert waiting.err.count(": back after ") == 1


@pytest.mark.slow
def test_many_starts_and_stops_leak_nothing():
    def state():
        """Python's threads, all threads, what is open, and the ports that JACK knows of."""
        folder = "/proc/self/fd"
        links = {name: os.path.join(folder, name) for name in os.listdir(folder)}
        open_now = sorted(os.readlink(link) for link in links.values() if os.path.lexists(link))
        ports = subprocess.run(["jack_lsp"], capture_output=True, check=True).stdout
        return threading.active_count(), len(os.listdir("/proc/self/task")), open_now, ports

    with server(period=64):
        model = audiocos.load("exact")
        for i in range(220):
            session = duplex(model, "system", "system", block=64)
            session.start()
            session.stop()
            if i == 19:
                before = state()
        assert state() == before
