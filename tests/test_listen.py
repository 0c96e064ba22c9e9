import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from audiocos import signals
from audiocos.errors import CorpusError
from audiocos.framing import block, lapped, overlap
from audiocos.training import listen as listening
from audiocos.training.corpus import deal, gather
from audiocos.training.heard import Listening
from audiocos.training.listen import listen
from audiocos.training.partial import default_cache
from audiocos.training.statistics import Accumulator, Moment

EACH = Listening(8000)
FRAMING = lapped(64)


def write(path, sound, rate=8000, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, np.asarray(sound).T, rate, **settings)
    return path


def noise(samples, seed=0, channels=1):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, samples))


@pytest.fixture
def small_batches(monkeypatch):
    """Batches of a few files, so that small files make many."""
    monkeypatch.setattr(listening, "_HOPS_A_BATCH", 1)
    monkeypatch.setattr(listening, "_SAMPLES_A_BATCH", 20_000)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "corpus"
    for index in range(12):
        write(place / f"{index:02d}.wav", noise(3000 + 997 * index, index), subtype="PCM_24")
    write(place / "stereo.flac", noise(9000, 50, 2))
    write(place / "trio.wav", noise(5000, 51, 3), subtype="FLOAT")
    write(place / "voice.ogg", signals.speech_like(20_000, 8000)[None])
    return place


def files_of(place, **settings):
    return gather([place], holdout=0, max_bad=1.0, **settings).files


def summed(framing, sounds):
    """The oracle: each signal alone, in one piece."""
    moment = Moment.of(framing)
    for sound in sounds:
        for row in np.atleast_2d(sound):
            accumulator = Accumulator(moment)
            accumulator.add(row)
            accumulator.finish()
    return moment


def same_bits(a, b):
    counts = (a.hops, a.samples) == (b.hops, b.samples)
    return counts and np.array_equal(a.blocks, b.blocks) and np.array_equal(a.autocorrelation, b.autocorrelation)


def close(a, b, tolerance=1e-12):
    assert (a.hops, a.samples) == (b.hops, b.samples)
    for x, y in ((a.blocks, b.blocks), (a.autocorrelation, b.autocorrelation)):
        assert np.abs(x - y).max() <= tolerance * np.abs(y).max()


def read(path):
    return sf.read(path, always_2d=True)[0].T


@pytest.mark.parametrize("framing", [block(32), overlap(32, 8), lapped(64)], ids=["block", "overlap", "lapped"])
def test_a_corpus_is_the_sum_of_its_signals(folder, framing):
    heard = listen(files_of(folder), framing, EACH)
    close(heard.moment, summed(framing, [read(path) for path in folder.iterdir()]))
    assert heard.files == 15
    assert heard.seconds == pytest.approx(sum(read(path).shape[1] for path in folder.iterdir()) / 8000)
    assert heard.hours_per_second == pytest.approx(heard.seconds / 3600 / heard.elapsed) and heard.elapsed > 0
    assert not (heard.silent or heard.refused or heard.warnings or heard.notes)


def test_channels_can_be_mixed(folder):
    heard = listen(files_of(folder), FRAMING, Listening(8000, "mix"))
    close(heard.moment, summed(FRAMING, [read(path).mean(axis=0) for path in folder.iterdir()]))


def test_files_at_other_rates_are_resampled(tmp_path):
    write(tmp_path / "a.wav", noise(200_000, 1, 2), 44_100, subtype="DOUBLE")
    write(tmp_path / "b.wav", noise(50_000, 2), 8000, subtype="DOUBLE")
    heard = listen(files_of(tmp_path, sample_rate=8000), FRAMING, EACH)
    converted = soxr.resample(read(tmp_path / "a.wav").T, 44_100, 8000, quality="VHQ").T
    close(heard.moment, summed(FRAMING, [converted, read(tmp_path / "b.wav")]), 1e-9)
    assert heard.seconds == pytest.approx(200_000 / 44_100 + 50_000 / 8000)


def test_order_threads_and_timing_do_not_change_a_bit(folder, small_batches):
    files = list(files_of(folder))
    first = listen(files, FRAMING, EACH).moment
    shuffle = random.Random(0)
    for threads in (1, 2, 3, 5):
        shuffle.shuffle(files)
        assert same_bits(listen(files, FRAMING, Listening(8000, threads=threads)).moment, first)


@pytest.mark.parametrize("ranks", [2, 3, 20])
def test_ranks_add_up_to_one_process(folder, ranks):
    files = files_of(folder)
    shares = [listen(share, FRAMING, EACH).moment for share in deal(files, ranks)]
    close(sum(shares[1:], shares[0]), listen(files, FRAMING, EACH).moment)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("lone", [True, False])
def test_a_file_with_samples_that_no_sound_is_leaves_no_trace(folder, bad, lone, small_batches):
    clean = listen(files_of(folder), FRAMING, EACH)
    sound = noise(100_000 if lone else 4000, 99)
    sound[0, -100] = bad
    write(folder / "bad.wav", sound, subtype="FLOAT")
    heard = listen(files_of(folder), FRAMING, EACH)
    close(heard.moment, clean.moment)
    assert heard.files == 15 and heard.seconds == pytest.approx(clean.seconds)
    (refused,) = heard.refused
    assert refused.name == str(folder / "bad.wav")
    assert refused.reason.startswith("holds samples that no sound is (NaN, infinite or huge), first after ")
    assert refused.reason.endswith("Repair it, or leave it out.")


def test_silent_files_do_not_count(folder):
    clean = listen(files_of(folder), FRAMING, EACH)
    write(folder / "silent.wav", np.zeros((1, 5000)))
    write(folder / "hush.wav", np.full((1, 5000), 1e-7), subtype="FLOAT")
    write(folder / "one-side.wav", np.stack([noise(4000, 7)[0], np.zeros(4000)]), subtype="FLOAT")
    heard = listen(files_of(folder), FRAMING, EACH)
    assert heard.silent == [str(folder / "hush.wav"), str(folder / "silent.wav")]
    assert heard.files == clean.files + 1 and heard.moment.samples == clean.moment.samples + 8000


def test_nothing_left_is_said(tmp_path):
    write(tmp_path / "silent.wav", np.zeros((1, 5000)))
    write(tmp_path / "nan.wav", np.full((1, 5000), np.nan), subtype="FLOAT")
    heard = listen(files_of(tmp_path), FRAMING, EACH)
    assert heard.moment.hops == 0 and not heard.moment.blocks.any()
    with pytest.raises(
        CorpusError, match=r"nothing is left .* 1 files are silent and 1 cannot be used, such as .*nan.wav"
    ):
        heard.demand_sound()
    with pytest.raises(CorpusError, match="nothing is left"):
        listen([], FRAMING, EACH).demand_sound()


def test_what_is_there_of_a_damaged_file_counts_unless_strict(folder):
    whole = folder / "11.wav"
    whole.write_bytes(whole.read_bytes()[:-6000])
    heard = listen(files_of(folder), FRAMING, EACH)
    assert heard.files == 15
    (warning,) = heard.warnings
    assert warning.startswith(f"{whole}: cut off: its header promises") and warning.endswith("What is there counts.")
    strict = listen(files_of(folder), FRAMING, Listening(8000, strict=True))
    assert strict.files == 14 and [bad.name for bad in strict.refused] == [str(whole)]
    assert heard.moment.samples - strict.moment.samples == len(sf.read(whole)[0])


def test_a_file_that_vanished_or_changed_is_refused(folder):
    files = files_of(folder)
    (folder / "03.wav").unlink()
    write(folder / "04.wav", noise(100))
    reasons = {Path(bad.name).name: bad.reason for bad in listen(files, FRAMING, EACH).refused}
    assert reasons == {
        "03.wav": "no such file. Check the path.",
        "04.wav": "has changed since the corpus was gathered. Start again.",
    }


def test_progress_rises_to_the_whole_in_the_callers_thread(folder, small_batches):
    seen = []
    listen(files_of(folder), FRAMING, EACH, progress=lambda *counts: seen.append(counts))
    whole = sum(read(path).shape[1] for path in folder.iterdir())
    assert seen[-1] == (whole, whole) and seen == sorted(seen)


def test_an_error_in_the_caller_stops_the_pass(tmp_path):
    write(tmp_path / "long.wav", noise(8_000_000), subtype="FLOAT")

    def interrupt(done, whole):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listen(files_of(tmp_path), lapped(1024), EACH, progress=interrupt)


def test_a_finished_pass_is_read_back(folder, tmp_path, small_batches):
    write(folder / "silent.wav", np.zeros((1, 5000)))
    write(folder / "nan.wav", np.full((1, 5000), np.nan), subtype="FLOAT")
    (folder / "11.wav").write_bytes((folder / "11.wav").read_bytes()[:-6000])
    cache = tmp_path / "deep" / "cache"
    first = listen(files_of(folder), FRAMING, EACH, cache=cache)
    began, seen = time.perf_counter(), []
    again = listen(files_of(folder), FRAMING, EACH, cache=cache, progress=lambda *counts: seen.append(counts))
    assert time.perf_counter() - began < 1.0
    assert same_bits(again.moment, first.moment)
    assert again.cached == first.seconds and first.cached == 0
    for name in ("files", "seconds", "elapsed", "silent", "refused", "warnings", "notes"):
        assert getattr(again, name) == getattr(first, name)
    assert seen[-1][0] == seen[-1][1]
    again.moment.blocks += 1  # its own memory, not the file's
    assert [path.suffix for path in cache.iterdir()] == [".safetensors"]


def test_other_files_or_settings_have_other_sums(folder, tmp_path):
    files, cache = files_of(folder), tmp_path / "cache"
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
def test_a_damaged_cache_file_is_ignored_and_named(folder, tmp_path, damage):
    files, cache = files_of(folder), tmp_path / "cache"
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
def test_a_full_disk_is_a_warning(folder, tmp_path, monkeypatch, small_batches):
    files, cache = files_of(folder), tmp_path / "cache"
    real = open

    def full(path, mode="r", *arguments, **keywords):
        return real("/dev/full" if str(path).endswith(".part") else path, mode, *arguments, **keywords)

    monkeypatch.setattr("builtins.open", full)
    heard = listen(files, FRAMING, EACH, cache=cache, save_every=0.0)
    assert heard.files == 15
    (note,) = heard.notes
    assert note.startswith(f"{cache}: partial sums cannot be saved (No space left on device)")


def test_a_cache_that_cannot_be_made_is_a_warning(folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    heard = listen(files_of(folder), FRAMING, EACH, cache=tmp_path / "file")
    assert heard.files == 15 and "choose another cache folder" in heard.notes[-1]


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


def test_every_sample_offset_is_counted_only_where_it_is_asked_for(folder, tmp_path):
    both, hops = (listen(files_of(folder), FRAMING, Listening(8000, offsets=offsets)) for offsets in (True, False))
    np.testing.assert_array_equal(hops.moment.blocks, both.moment.blocks)
    assert (hops.moment.hops, hops.moment.samples) == (both.moment.hops, both.moment.samples)
    assert both.moment.stationary()[0, 0] > 0
    with pytest.raises(ValueError, match="heard at every hop only"):
        hops.moment.stationary()
