"""Sums of a pass that are kept: read back, damaged, cut short by a kill."""

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from somecorpus import EACH, FRAMING, files_of, noise, same_bits, write

from audiocos.framing import lapped, overlap
from audiocos.training import listen as listening
from audiocos.training.heard import Listening
from audiocos.training.listen import listen
from audiocos.training.partial import default_cache


def test_a_finished_pass_is_read_back(corpus, tmp_path, small_batches):
    write(corpus / "silent.wav", np.zeros((1, 5000)))
    write(corpus / "nan.wav", np.full((1, 5000), np.nan), subtype="FLOAT")
    (corpus / "11.wav").write_bytes((corpus / "11.wav").read_bytes()[:-6000])
    cache = tmp_path / "deep" / "cache"
    first = listen(files_of(corpus), FRAMING, EACH, cache=cache)
    began, seen = time.perf_counter(), []
    again = listen(files_of(corpus), FRAMING, EACH, cache=cache, progress=lambda *counts: seen.append(counts))
    assert time.perf_counter() - began < 1.0
    assert same_bits(again.moment, first.moment)
    assert again.cached == first.seconds and first.cached == 0
    for name in ("files", "seconds", "elapsed", "silent", "refused", "warnings", "notes"):
        assert getattr(again, name) == getattr(first, name)
    assert seen[-1][0] == seen[-1][1]
    again.moment.blocks += 1  # its own memory, not the file's
    assert [path.suffix for path in cache.iterdir()] == [".safetensors"]


def test_other_files_or_settings_have_other_sums(corpus, tmp_path):
    files, cache = files_of(corpus), tmp_path / "cache"
    passes = [
        (files, lapped(64), EACH),
        (files, lapped(128), EACH),
        (files, overlap(64, 16), EACH),
        (files, lapped(64), Listening(4000)),
        (files, lapped(64), Listening(8000, "mix")),
        (files, lapped(64), Listening(8000, strict=True)),
        (files[1:], lapped(64), EACH),
    ]
    for arguments in passes:
        assert listen(*arguments, cache=cache).cached == 0
    assert len(list(cache.iterdir())) == len(passes)
    assert listen(files, overlap(64, 32), EACH, cache=cache).cached > 0  # the same hop and reach as lapped(64)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text", "other"])
def test_a_damaged_cache_file_is_ignored_and_named(corpus, tmp_path, damage):
    files, cache = files_of(corpus), tmp_path / "cache"
    first = listen(files, FRAMING, EACH, cache=cache)
    (saved,) = cache.iterdir()
    content = bytearray(saved.read_bytes())
    content[-1000] ^= 4
    if damage == "other":
        listen(files[1:], FRAMING, EACH, cache=tmp_path / "second")
        content = next((tmp_path / "second").iterdir()).read_bytes()
    texts = {"cut": content[:-100], "empty": b"", "text": b"not a cache at all, but long enough"}
    saved.write_bytes(texts.get(damage, content))
    again = listen(files, FRAMING, EACH, cache=cache)
    assert same_bits(again.moment, first.moment) and again.cached == 0
    assert len(again.notes) == 1 and again.notes[0].startswith(f"{saved}: damaged (")
    assert listen(files, FRAMING, EACH, cache=cache).notes == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
def test_a_full_disk_is_a_warning(corpus, tmp_path, monkeypatch, small_batches):
    files, cache = files_of(corpus), tmp_path / "cache"
    real = open

    def full(path, mode="r", *arguments, **keywords):
        return real("/dev/full" if str(path).endswith(".part") else path, mode, *arguments, **keywords)

    monkeypatch.setattr("builtins.open", full)
    heard = listen(files, FRAMING, EACH, cache=cache, save_every=0.0)
    assert heard.files == 15
    (note,) = heard.notes
    assert (
        note.startswith(f"{cache}: partial sums cannot be saved (No space left on device)")
        and "Make room, or pass" in note
    )


def test_a_cache_that_cannot_be_made_is_a_warning(corpus, tmp_path):
    (tmp_path / "file").write_text("in the way")
    heard = listen(files_of(corpus), FRAMING, EACH, cache=tmp_path / "file")
    assert heard.files == 15
    assert heard.notes == [
        f"{tmp_path / 'file'}: partial sums cannot be saved (File exists); a killed pass would start over. "
        "Let XDG_CACHE_HOME name another folder, or pass --no-cache."
    ]


def test_the_cache_is_where_xdg_says(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/else")
    assert default_cache() == Path("/somewhere/else/audiocos")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/listener")
    assert default_cache() == Path("/home/listener/.cache/audiocos")


KILLED = """
import sys
from pathlib import Path
from audiocos.framing import lapped
from audiocos.training import listen
from audiocos.training.corpus import gather
from audiocos.training.heard import Listening
listen._HOPS_A_BATCH, listen._SAMPLES_A_BATCH = 1, 100_000
files = gather([sys.argv[1]], holdout=0).files
print("ready", flush=True)
heard = listen.listen(files, lapped(512), Listening(8000), cache=Path(sys.argv[2]), save_every=0)
print(heard.cached, flush=True)
"""


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_gives_the_same_bits(tmp_path, monkeypatch):
    place, cache = tmp_path / "corpus", tmp_path / "cache"
    for index in range(40):
        write(place / f"{index}.wav", noise(60_000 + 1000 * (index % 7), index))
    monkeypatch.setattr(listening, "_HOPS_A_BATCH", 1)
    monkeypatch.setattr(listening, "_SAMPLES_A_BATCH", 100_000)
    whole = listen(files_of(place), lapped(512), EACH)
    moments, killed, carried_on = random.Random(1), 0, None
    while carried_on is None:
        command = [sys.executable, "-c", KILLED, str(place), str(cache)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            if killed < 5:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(moments.uniform(0.02, 0.2))
                process.kill()  # SIGKILL; does nothing to a pass that has ended
            answer = process.stdout.read()
            killed += not answer
            carried_on = float(answer) if answer else None
    assert killed and 0 < carried_on <= whole.seconds
    resumed = listen(files_of(place), lapped(512), EACH, cache=cache)
    assert same_bits(resumed.moment, whole.moment)
    assert resumed.cached == resumed.seconds == whole.seconds
