import os
import shutil

import numpy as np
import pytest
import soundfile as sf

from audiocos.errors import CorpusError
from audiocos.training.corpus import gather


def write(path, seed=0, samples=800, rate=8000, channels=1, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, channels))
    sf.write(path, noise, rate, **settings)
    return path


@pytest.fixture
def folder(tmp_path):
    for index in range(20):
        write(tmp_path / "corpus" / f"{index % 3}" / f"{index:02d}.wav", seed=index)
    return tmp_path / "corpus"


def names(files):
    return [os.path.basename(file.path) for file in files]


def test_every_readable_file_below_a_folder_is_found(tmp_path):
    write(tmp_path / "a.wav", 1)
    write(tmp_path / "deep" / "er" / "b.flac", 2, channels=2)
    write(tmp_path / "deep" / "c.ogg", 3, rate=8000)
    write(tmp_path / "deep" / "D.AIFF", 4)
    write(tmp_path / ".hidden" / "e.wav", 5)
    write(tmp_path / "a.reconstructed.wav", 6)
    (tmp_path / "notes.txt").write_text("not sound")
    corpus = gather([tmp_path])
    assert sorted(names(corpus.files)) == ["D.AIFF", "a.wav", "b.flac", "c.ogg"]
    flac = next(file for file in corpus.files if file.path.endswith("flac"))
    assert (flac.channels, flac.sample_rate, flac.frames, flac.seconds) == (2, 8000, 800, 0.1)
    assert flac.size == os.path.getsize(flac.path)
    assert corpus.seconds == pytest.approx(0.4) and corpus.size == sum(file.size for file in corpus.files)
    assert corpus.sample_rate == 8000 and corpus.channels == "each"


def test_the_order_of_arguments_changes_nothing(folder):
    parts = [folder / "0", folder / "1", folder / "2"]
    assert gather(parts) == gather(parts[::-1]) == gather([*parts, folder / "1" / "01.wav"])


def test_the_split_and_the_digest_do_not_depend_on_where_the_files_lie(folder, tmp_path):
    first = gather([folder])
    moved = tmp_path / "elsewhere"
    for index, file in enumerate(first.files):
        moved.mkdir(exist_ok=True)
        shutil.copy(file.path, moved / f"{(index * 7) % 20:02d}-other.wav")
    second = gather([moved])
    assert {file.digest for file in first.held_out} == {file.digest for file in second.held_out}
    assert first.digest == second.digest


@pytest.mark.parametrize(("holdout", "count"), [(0.1, 2), (0.5, 10), (0.01, 1), (0.99, 19), (0.0, 0)])
def test_about_the_asked_share_is_held_out(folder, holdout, count):
    corpus = gather([folder], holdout=holdout)
    assert len(corpus.held_out) == count and len(corpus.train) == 20 - count
    assert not set(corpus.train) & set(corpus.held_out)


def test_the_seed_chooses_the_held_out_files(folder):
    draws = [frozenset(names(gather([folder], seed=seed).held_out)) for seed in range(6)]
    assert len(set(draws)) > 1
    assert frozenset(names(gather([folder], seed=3).held_out)) == draws[3]


def test_settings_and_files_are_in_the_digest(folder):
    digests = {gather([folder]).digest, gather([folder], seed=1).digest, gather([folder], channels="mix").digest}
    digests |= {gather([folder], sample_rate=4000).digest, gather([folder], holdout=0.2).digest}
    digests |= {gather([folder / "0"]).digest}
    assert len(digests) == 6


def test_two_files_hold_one_out_and_one_file_none(tmp_path):
    one = write(tmp_path / "one.wav", 1)
    corpus = gather([one])
    assert (len(corpus.train), len(corpus.held_out)) == (1, 0)
    assert corpus.notes == (f"{one}: the only file, so nothing is held out; figures are of the training sound.",)
    write(tmp_path / "two.wav", 2)
    assert (len(gather([tmp_path]).train), len(gather([tmp_path]).held_out)) == (1, 1)


def test_the_same_bytes_count_once(folder):
    copy = folder / "2" / "zz-copy.wav"
    shutil.copy(folder / "0" / "00.wav", copy)
    os.symlink(folder / "0" / "03.wav", folder / "link.wav")
    corpus = gather([folder])
    assert len(corpus.files) == 20
    assert corpus.duplicates == ((str(copy), str(folder / "0" / "00.wav")),)


def test_a_text_file_lists_paths_relative_to_itself(folder, tmp_path):
    listing = folder / "list"
    listing.write_bytes(
        b"\xef\xbb\xbf# a comment\r\n0/00.wav\r\n\r\n  1/01.wav  \n" + os.fsencode(folder / "2" / "02.wav") + b"\n0\n"
    )
    corpus = gather([listing])
    assert sorted(names(corpus.files)) == sorted({"00.wav", "01.wav", "02.wav"} | set(os.listdir(folder / "0")))


def test_a_listed_file_that_is_missing_is_counted_as_bad(folder):
    listing = folder / "list.txt"
    listing.write_text("0/00.wav\n1/01.wav\nnowhere.wav\n")
    corpus = gather([listing], max_bad=0.5)
    assert len(corpus.files) == 2
    assert [(bad.name, bad.reason) for bad in corpus.refused] == [
        (str(folder / "nowhere.wav"), "no such file. Check the path.")
    ]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_list_in_utf_16_is_said_to_be_one(codec, folder, capfd):
    listing = folder / "list.txt"
    listing.write_bytes("# Größe\n0/00.wav\n1/01.wav\n".encode(codec))
    with pytest.raises(CorpusError, match=r"list.txt: a list in UTF-16. Save it as UTF-8.$"):
        gather([listing])
    assert capfd.readouterr().err == ""  # decoders, which take it for sound, complain


def test_a_list_in_a_list_is_said_to_be_one(folder):
    (folder / "inner.txt").write_text("0/00.wav\n")
    (folder / "outer.txt").write_text("1/01.wav\ninner.txt\n")
    corpus = gather([folder / "outer.txt"], max_bad=0.5)
    assert [(bad.name, bad.reason) for bad in corpus.refused] == [
        (str(folder / "inner.txt"), "a list in a list is not read. Name it as an input of its own.")
    ]


def test_unreadable_files_are_listed_and_skipped_up_to_the_share(folder):
    (folder / "bad.wav").write_text("this is text")
    (folder / "empty.flac").touch()
    corpus = gather([folder], max_bad=0.1)
    assert len(corpus.files) == 20
    assert [bad.name for bad in corpus.refused] == [str(folder / "bad.wav"), str(folder / "empty.flac")]
    assert "looks like text" in corpus.refused[0].reason and "empty, 0 bytes" in corpus.refused[1].reason
    with pytest.raises(
        CorpusError, match=r"2 of 22 files cannot be read, more than the share 0.05 .*bad.wav: not audio"
    ):
        gather([folder], max_bad=0.05)
    with pytest.raises(CorpusError, match="--max-bad"):
        gather([folder], max_bad=0.0)


def test_every_file_unreadable_is_an_error_even_when_all_may_be_bad(tmp_path):
    for index in range(8):
        (tmp_path / f"{index}.wav").touch()
    with pytest.raises(CorpusError, match=r"none of the 8 files can be read \(.*0.wav: empty.*and 3 more\)"):
        gather([tmp_path], max_bad=1.0)


def test_mixed_rates_are_listed_with_examples(folder):
    write(folder / "cd.wav", 77, rate=44100)
    with pytest.raises(CorpusError) as raised:
        gather([folder])
    assert str(raised.value) == (
        f"mixed sample rates: 8000 Hz (20 files, such as {folder / '0' / '00.wav'}), 44100 Hz (1 file, "
        f"{folder / 'cd.wav'}). Pass --sample-rate 8000 to resample the others."
    )
    corpus = gather([folder], sample_rate=16000)
    assert corpus.sample_rate == 16000 and len(corpus.files) == 21


@pytest.mark.parametrize(
    ("seconds", "advised"),
    [({7999: [3.0], 8000: [3.0], 16000: [1.5]}, 8000), ({8000: [0.1, 0.1, 0.1], 16000: [0.9]}, 16000)],
)
def test_of_mixed_rates_that_with_the_most_sound_is_advised_then_the_highest(seconds, advised, tmp_path):
    for rate, lengths in seconds.items():
        for index, length in enumerate(lengths):
            sf.write(tmp_path / f"{rate}-{index}.wav", np.full(round(rate * length), 0.1 * (1 + index)), rate)
    with pytest.raises(CorpusError, match=f"Pass --sample-rate {advised} to resample the others"):
        gather([tmp_path])


@pytest.mark.parametrize("made", [True, False])
def test_an_empty_or_missing_folder_is_named(tmp_path, made):
    folder = tmp_path / "nothing"
    if made:
        folder.mkdir()
    said = "no audio files below this folder" if made else "no such file or folder"
    with pytest.raises(CorpusError, match=rf"{folder}: {said}. Check the path."):
        gather([folder])


def test_an_empty_list_and_no_input_are_errors(tmp_path):
    (tmp_path / "list.txt").write_text("# nothing\n")
    with pytest.raises(CorpusError, match="list.txt: lists no files. Write one path a line."):
        gather([tmp_path / "list.txt"])
    with pytest.raises(CorpusError, match="no input: name a folder"):
        gather([])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"holdout": 1.0}, "--holdout 1"),
        ({"holdout": float("nan")}, "--holdout nan"),
        ({"max_bad": 2.0}, "--max-bad 2"),
        ({"sample_rate": 0}, "--sample-rate 0"),
        ({"channels": "left"}, '--channels "left"'),
    ],
)
def test_settings_out_of_range_are_named(folder, settings, said):
    with pytest.raises(CorpusError, match=said):
        gather([folder], **settings)
