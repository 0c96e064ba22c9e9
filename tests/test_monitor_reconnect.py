"""Devices that go away and come back; sessions begun and ended many times."""

import json
import os
import re
import subprocess
import threading
import time

import pytest
import soundfile
from duplex import COMMAND, RATE, duplex, paced
from jack_server import server
from patience import wait_until

import audiocos

pytestmark = paced


def test_killing_the_server_ends_it_cleanly_and_reconnect_carries_on(tmp_path):
    with server(here=False, period=512) as running:
        arguments = ["monitor", "mic:system", "-o", "take.wav", "--json"]
        ended = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True
        )
        waiting = subprocess.Popen(
            [*COMMAND, "monitor", "mic:system", "--reconnect", "--output", "system", "--allow-feedback", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        for child in (ended, waiting):
            child.stdout.readline()
        running.kill()
        killed = time.monotonic()
        out, err = ended.communicate(timeout=10)
        assert ended.returncode == 1
        assert err.startswith("audiocos: 0 system (JACK Audio Connection Kit): went away after ")
        assert err.endswith(" s. Connect it again, or start its server; --reconnect waits for it.\n")
        summary = json.loads(out.splitlines()[-1])
        assert soundfile.info(tmp_path / "take.wav").frames == summary["frames"] > 0.9 * RATE
        running.start()
        told = {}
        while told.get("state") != "back":
            told = json.loads(waiting.stdout.readline())
        passed = time.monotonic() - killed
        assert passed - 1.5 < told["away_s"] < passed + 0.2
        assert told["event"] == "device" and told["text"].endswith(f": back after {told['away_s']:.1f} s")
        carried_on = [json.loads(waiting.stdout.readline()) for _ in range(3)]
        assert all("snr_db" in line for line in carried_on)
        waiting.terminate()
        out, err = waiting.communicate(timeout=10)
        assert waiting.returncode == 128 + 15
        summary = json.loads(out.splitlines()[-1])
        assert (summary["absences"], summary["away_s"]) == (1, told["away_s"])


def test_a_device_that_is_back_at_another_rate_is_said_once_and_may_go_again(tmp_path):
    with server(here=False, period=512) as running:
        said = tmp_path / "said"
        with open(said, "w") as errors:
            waiting = subprocess.Popen(
                [*COMMAND, "monitor", "mic:system", "--reconnect"], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        waiting.stdout.readline()
        for rate, word in (("44100", "Waiting on"), ("48000", ": back after ")):
            running.kill()  # the second time while its rate is waited for
            running.command[running.command.index("-r") + 1] = rate
            running.start()
            wait_until(lambda word=word: word in said.read_text())
            time.sleep(1.2)  # two looks more, at what has been said
        waiting.terminate()
        out, _ = waiting.communicate(timeout=10)
        assert waiting.returncode == 128 + 15
        (away_s,) = re.findall(r"the device was away 1 time, ([\d.]+) s in all", out)
        assert 0 < float(away_s) < 20
        assert said.read_text().count("does not run at 48000 Hz. Supported: 44100. Waiting on") == 1
        assert said.read_text().count(": back after ") == 1


@pytest.mark.slow
def test_many_starts_and_stops_leak_nothing():
    def state():
        folder = "/proc/self/fd"
        links = {name: os.path.join(folder, name) for name in os.listdir(folder)}
        return threading.active_count(), sorted(os.readlink(link) for link in links.values() if os.path.lexists(link))

    with server(period=64):
        model = audiocos.load("exact")
        for i in range(220):
            session = duplex(model, "system", "system", block=64)
            session.start()
            session.stop()
            if i == 19:
                before = state()
        assert state() == before
