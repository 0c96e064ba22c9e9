"""What learning on windows draws from: every channel, every part of every file, never two sounds at once."""

import os

import numpy as np
import pytest
import soundfile as sf

from audiocos.ranks import Ranks
from audiocos.training.corpus import gather
from audiocos.training.heard import Listening
from audiocos.training.plan import recorded_windows
from audiocos.training.pool import pool_of
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import RecordedWindows

RATE = 8000


def level(folder, name, frames, *values, rate=RATE):
    """A file whose channels are constants."""
    folder.mkdir(exist_ok=True)
    sf.write(folder / name, np.tile(values, (frames, 1)), rate, subtype="FLOAT")


def files(folder, **settings):
    return gather([folder], holdout=0, **settings).files


def levels(windows):
    return {round(float(value), 4) for value in np.unique(windows)}


@pytest.mark.parametrize(("channels", "expected"), [("each", {0.5, 0.25, 0.125}), ("mix", {0.2917})])
def test_every_channel_is_a_signal_or_all_are_their_mean(channels, expected, tmp_path):
    level(tmp_path / "a", "a.wav", 3000, 0.5, 0.25, 0.125)
    pool = pool_of(files(tmp_path / "a"), Listening(RATE, channels), 64, 0)
    assert levels(pool.samples) == expected
    assert len(pool.samples) == 3000 * len(expected)


def test_windows_of_batches_come_from_every_channel(tmp_path):
    n = np.arange(4000)
    low, high = np.sin(0.3 * n), np.sin(2.5 * n)
    (tmp_path / "a").mkdir()
    sf.write(tmp_path / "a" / "a.wav", np.stack([low, high], axis=1), RATE, subtype="FLOAT")
    drawn = RecordedWindows(files(tmp_path / "a"), Listening(RATE), 64, 0, 128).draw(np.ones(128), 0)
    bins = np.abs(np.fft.rfft(drawn, axis=0)).argmax(axis=0)
    assert {6, 51} == set(bins)


def test_no_window_runs_across_two_sounds(tmp_path):
    for index in range(8):
        level(tmp_path / "a", f"{index}.wav", 70 + index, 0.1 + index / 10)
    pool = pool_of(files(tmp_path / "a"), Listening(RATE), 64, 0)
    for length in (2, 33, 64):
        windows = pool.draw(np.random.default_rng(length), length, 3000)
        assert windows.shape == (3000, length)
        assert np.ptp(windows, axis=1).max() == 0
        assert len(levels(windows)) == 8


def test_every_window_of_a_signal_can_come(tmp_path):
    (tmp_path / "a").mkdir()
    sf.write(tmp_path / "a" / "a.wav", np.arange(20) / 64, RATE, subtype="FLOAT")
    windows = pool_of(files(tmp_path / "a"), Listening(RATE), 8, 0).draw(np.random.default_rng(0), 8, 1000)
    assert set(windows[:, 0] * 64) == set(range(13))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_stretches_come_from_the_whole_of_a_long_file(suffix, tmp_path):
    frames, most = 40 * 2**14, 10 * 2**14
    ramp = np.linspace(0, 0.9, frames) * np.sin(0.5 * np.arange(frames))
    sf.write(tmp_path / f"long.{suffix}", ramp, RATE)
    found = gather([tmp_path], holdout=0).files
    pool = pool_of(found, Listening(RATE), 64, 3, most)
    assert 0.8 * most <= len(pool.samples) <= most
    loud = np.abs(pool.draw(np.random.default_rng(0), 64, 4000)).max(axis=1)
    assert loud.min() < 0.2 and loud.max() > 0.7  # not its beginning alone
    assert np.array_equal(pool.samples, pool_of(found, Listening(RATE), 64, 3, most).samples)
    assert not np.array_equal(pool.samples, pool_of(found, Listening(RATE), 64, 4, most).samples)


def test_a_stretch_is_the_sound_at_its_place(tmp_path):
    frames = 10 * 2**14
    sf.write(tmp_path / "long.wav", np.arange(frames) / 2**24, RATE, subtype="FLOAT")
    pool = pool_of(gather([tmp_path], holdout=0).files, Listening(RATE), 64, 0, 3 * 2**14)
    places = (pool.samples * 2**24).reshape(3, -1)
    assert (np.diff(places, axis=1) == 1).all()
    assert (places[:, 0] % 2**14 == 0).all() and len(set(places[:, 0])) == 3


def test_of_files_that_are_cut_off_the_stretches_before_the_cut_are_drawn(tmp_path):
    length = 10 * 2**14
    for index in range(3):
        path = tmp_path / f"{index}.flac"
        sf.write(path, np.random.default_rng(index).uniform(-0.5, 0.5, length), RATE)
        os.truncate(path, int(0.7 * path.stat().st_size))
    most = 24 * 2**14
    pool = pool_of(gather([tmp_path], holdout=0).files, Listening(RATE), 64, 0, most)
    assert 0.6 * most < len(pool.samples) < 0.8 * most
    assert np.abs(pool.samples).mean() == pytest.approx(0.25, abs=0.01)


def test_sound_counts_in_proportion_to_its_length(tmp_path):
    level(tmp_path / "a", "long.wav", 90 * 2**14, 0.5)
    level(tmp_path / "a", "short.wav", 30 * 2**14, 0.25)
    pool = pool_of(files(tmp_path / "a"), Listening(RATE), 64, 1, 40 * 2**14)
    assert 0.55 < np.mean(pool.samples == 0.5) < 0.95


def test_recordings_at_other_rates_are_resampled(tmp_path):
    level(tmp_path / "a", "a.wav", 2**17, 0.5, rate=16000)
    found = files(tmp_path / "a", sample_rate=RATE)
    assert len(pool_of(found, Listening(RATE), 64, 0).samples) == pytest.approx(2**16, abs=8)
    part = pool_of(found, Listening(RATE), 64, 0, 2**15)
    assert 2**14 - 64 <= len(part.samples) <= 2**15
    assert np.median(part.samples) == pytest.approx(0.5, abs=1e-3)


def placed(rank, count):
    """A rank without its fellows."""
    ranks = Ranks()
    ranks.rank, ranks.count = rank, count
    return ranks


def test_ranks_that_descend_draw_from_files_of_their_own(tmp_path):
    for index in range(6):
        level(tmp_path / "a", f"{index}.wav", 5000 + index, 0.125 * (index + 1))
    found, config = files(tmp_path / "a"), TrainingConfig(frame=32, optimizer="adam")
    pools = [recorded_windows(config, found, Listening(RATE), placed(rank, 3)).pool for rank in range(3)]
    mine = [levels(pool.samples) for pool in pools]
    assert [len(each) for each in mine] == [2, 2, 2] and len(set.union(*mine)) == 6
    few = [recorded_windows(config, found[:1], Listening(RATE), placed(rank, 2)) for rank in range(2)]
    assert all(levels(windows.pool.samples) == {0.125} for windows in few)


def test_ranks_that_share_files_draw_other_windows(tmp_path):
    sf.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-1, 1, 5000), RATE)
    found, config = gather([tmp_path], holdout=0).files, TrainingConfig(frame=32, optimizer="adam")
    one, other, again = (
        recorded_windows(config, found, Listening(RATE), placed(rank, 2)).draw(np.ones(32), 0) for rank in (0, 1, 1)
    )
    assert not np.array_equal(one, other) and np.array_equal(other, again)


def test_a_rank_that_learns_alone_draws_from_all_files(tmp_path):
    for index in range(6):
        level(tmp_path / "a", f"{index}.wav", 5000 + index, 0.125 * (index + 1))
    windows = recorded_windows(TrainingConfig(frame=32), files(tmp_path / "a"), Listening(RATE), placed(0, 3))
    assert len(levels(windows.pool.samples)) == 6
