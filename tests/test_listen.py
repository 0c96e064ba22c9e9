import random
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
from somecorpus import EACH, FRAMING, files_of, noise, same_bits, write

from audiocos.errors import CorpusError
from audiocos.framing import block, lapped, overlap
from audiocos.training.heard import Listening
from audiocos.training.listen import listen
from audiocos.training.statistics import Accumulator, Moment


def summed(framing, sounds):
    """The oracle: each signal alone, in one piece."""
    moment = Moment.of(framing)
    for sound in sounds:
        for row in np.atleast_2d(sound):
            accumulator = Accumulator(moment)
            accumulator.add(row)
            accumulator.finish()
    return moment


def close(a, b, tolerance=1e-12):
    assert (a.hops, a.samples) == (b.hops, b.samples)
    for x, y in ((a.blocks, b.blocks), (a.autocorrelation, b.autocorrelation)):
        assert np.abs(x - y).max() <= tolerance * np.abs(y).max()


def read(path):
    return sf.read(path, always_2d=True)[0].T


@pytest.mark.parametrize("framing", [block(32), overlap(32, 8), lapped(64)], ids=["block", "overlap", "lapped"])
def test_a_corpus_is_the_sum_of_its_signals(corpus, framing):
    heard = listen(files_of(corpus), framing, EACH)
    close(heard.moment, summed(framing, [read(path) for path in corpus.iterdir()]))
    assert heard.files == 15
    assert heard.seconds == pytest.approx(sum(read(path).shape[1] for path in corpus.iterdir()) / 8000)
    assert heard.hours_per_second == pytest.approx(heard.seconds / 3600 / heard.elapsed) and heard.elapsed > 0
    assert not (heard.silent or heard.refused or heard.warnings or heard.notes)


def test_channels_can_be_mixed(corpus):
    heard = listen(files_of(corpus), FRAMING, Listening(8000, "mix"))
    close(heard.moment, summed(FRAMING, [read(path).mean(axis=0) for path in corpus.iterdir()]))


def test_files_at_other_rates_are_resampled(tmp_path):
    write(tmp_path / "a.wav", noise(200_000, 1, 2), 44_100, subtype="DOUBLE")
    write(tmp_path / "b.wav", noise(50_000, 2), 8000, subtype="DOUBLE")
    heard = listen(files_of(tmp_path, sample_rate=8000), FRAMING, EACH)
    converted = soxr.resample(read(tmp_path / "a.wav").T, 44_100, 8000, quality="VHQ").T
    close(heard.moment, summed(FRAMING, [converted, read(tmp_path / "b.wav")]), 1e-9)
    assert heard.seconds == pytest.approx(200_000 / 44_100 + 50_000 / 8000)


def test_order_threads_and_timing_do_not_change_a_bit(corpus, small_batches):
    files = list(files_of(corpus))
    first = listen(files, FRAMING, EACH).moment
    shuffle = random.Random(0)
    for threads in (1, 2, 3, 5):
        shuffle.shuffle(files)
        assert same_bits(listen(files, FRAMING, Listening(8000, threads=threads)).moment, first)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("lone", [True, False])
def test_a_file_with_samples_that_no_sound_is_leaves_no_trace(corpus, bad, lone, small_batches):
    clean = listen(files_of(corpus), FRAMING, EACH)
    sound = noise(100_000 if lone else 4000, 99)
    sound[0, -100] = bad
    write(corpus / "bad.wav", sound, subtype="FLOAT")
    heard = listen(files_of(corpus), FRAMING, EACH)
    close(heard.moment, clean.moment)
    assert heard.files == 15 and heard.seconds == pytest.approx(clean.seconds)
    (refused,) = heard.refused
    assert refused.name == str(corpus / "bad.wav")
    seconds = (sound.shape[1] - 100) / 8000  # not those of the block that it is in
    assert refused.reason == (
        f"holds samples that no sound is (NaN, infinite or huge), first after {seconds:.3f} s. "
        "Repair it, or leave it out."
    )


def test_silent_files_do_not_count(corpus):
    clean = listen(files_of(corpus), FRAMING, EACH)
    write(corpus / "silent.wav", np.zeros((1, 5000)))
    write(corpus / "hush.wav", np.full((1, 5000), 1e-7), subtype="FLOAT")
    write(corpus / "one-side.wav", np.stack([noise(4000, 7)[0], np.zeros(4000)]), subtype="FLOAT")
    heard = listen(files_of(corpus), FRAMING, EACH)
    assert heard.silent == [str(corpus / "hush.wav"), str(corpus / "silent.wav")]
    assert heard.files == clean.files + 1 and heard.moment.samples == clean.moment.samples + 8000


def test_nothing_left_is_said(tmp_path):
    write(tmp_path / "silent.wav", np.zeros((1, 5000)))
    write(tmp_path / "nan.wav", np.full((1, 5000), np.nan), subtype="FLOAT")
    heard = listen(files_of(tmp_path), FRAMING, EACH)
    assert heard.moment.hops == 0 and not heard.moment.blocks.any()
    with pytest.raises(
        CorpusError, match=r"nothing is left .* 1 file is silent and 1 cannot be used, such as .*nan.wav"
    ):
        heard.demand_sound()
    with pytest.raises(CorpusError, match="nothing is left"):
        listen([], FRAMING, EACH).demand_sound()


def test_what_is_there_of_a_damaged_file_counts_unless_strict(corpus):
    whole = corpus / "11.wav"
    whole.write_bytes(whole.read_bytes()[:-6000])
    heard = listen(files_of(corpus), FRAMING, EACH)
    assert heard.files == 15
    (warning,) = heard.warnings
    assert warning.startswith(f"{whole}: cut off: its header promises") and warning.endswith("What is there counts.")
    strict = listen(files_of(corpus), FRAMING, Listening(8000, strict=True))
    assert strict.files == 14 and [bad.name for bad in strict.refused] == [str(whole)]
    assert heard.moment.samples - strict.moment.samples == len(sf.read(whole)[0])


def test_a_file_that_vanished_or_changed_is_refused(corpus):
    files = files_of(corpus)
    (corpus / "03.wav").unlink()
    write(corpus / "04.wav", noise(100))
    reasons = {Path(bad.name).name: bad.reason for bad in listen(files, FRAMING, EACH).refused}
    assert reasons == {
        "03.wav": "no such file. Check the path.",
        "04.wav": "has changed since the corpus was gathered. Start again.",
    }


def test_progress_rises_to_the_whole_in_the_callers_thread(corpus, small_batches):
    seen = []
    listen(files_of(corpus), FRAMING, EACH, progress=lambda *counts: seen.append(counts))
    whole = sum(read(path).shape[1] for path in corpus.iterdir())
    assert seen[-1] == (whole, whole) and seen == sorted(seen)


def test_an_error_in_the_caller_stops_the_pass(tmp_path):
    write(tmp_path / "long.wav", noise(8_000_000), subtype="FLOAT")

    def interrupt(done, whole):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listen(files_of(tmp_path), lapped(1024), EACH, progress=interrupt)


def test_every_sample_offset_is_counted_only_where_it_is_asked_for(corpus, tmp_path):
    both, hops = (listen(files_of(corpus), FRAMING, Listening(8000, offsets=offsets)) for offsets in (True, False))
    np.testing.assert_array_equal(hops.moment.blocks, both.moment.blocks)
    assert (hops.moment.hops, hops.moment.samples) == (both.moment.hops, both.moment.samples)
    assert both.moment.stationary()[0, 0] > 0
    with pytest.raises(ValueError, match="heard at every hop only"):
        hops.moment.stationary()
