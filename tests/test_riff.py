"""WAV files whose length nobody knows beforehand: RIFF for every program, RF64 where 4 GiB are passed."""

import os
import wave

import numpy as np
import pytest
import soundfile

from audiocos.audio.writer import Writer
from audiocos.live.sinks import FileSink

RATE = 16000
UNBOUNDED = 2**40


def sound(channels):
    return np.random.default_rng(1).uniform(-0.5, 0.5, (channels, 1001))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("subtype", "width"), [("PCM_U8", 1), ("PCM_16", 2), ("PCM_24", 3), ("PCM_32", 4)])
def test_an_unbounded_recording_that_ends_early_is_a_plain_wav(tmp_path, subtype, width, channels):
    sink = FileSink(str(tmp_path / "o.wav"), RATE, channels, subtype)
    y = sound(channels)
    sink.write(y)
    sink.commit()
    with wave.open(str(tmp_path / "o.wav")) as file:  # knows no RF64 and no extensible form
        assert file.getparams()[:4] == (channels, width, RATE, 1001)
        if width == 2:
            values = np.frombuffer(file.readframes(1001), "<i2").reshape(-1, channels).T
            np.testing.assert_allclose(values / 2**15, y, atol=2**-15)


@pytest.mark.parametrize(("channels", "format"), [(1, "WAV"), (2, "WAV"), (6, "WAVEX")])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "ULAW"])
def test_nor_is_any_other_one_rf64(tmp_path, subtype, channels, format):
    path = str(tmp_path / "o.wav")
    with Writer(path, "WAV", subtype, RATE, channels, frames=UNBOUNDED, live=True) as writer:
        writer.write(sound(channels).T)
        writer.commit()
    information = soundfile.info(path)
    assert (information.format, information.subtype, information.frames) == (format, subtype, 1001)
    read, _ = soundfile.read(path, always_2d=True)
    np.testing.assert_allclose(read.T, sound(channels), atol=0.02 if subtype == "ULAW" else 1e-7)


def test_past_4_gib_it_is_rf64(tmp_path):
    path = str(tmp_path / "o.wav")
    with Writer(path, "WAV", "PCM_16", RATE, 2, frames=UNBOUNDED, live=True) as writer:
        writer.write(sound(2).T)
        (temporary,) = tmp_path.iterdir()
        os.truncate(temporary, 2**32 + 2**20)  # sparse: no such amount is written
        writer.commit()
    assert soundfile.info(path).format == "RF64"


def test_what_is_called_rf64_stays_it(tmp_path):
    path = str(tmp_path / "o.rf64")
    sink = FileSink(path, RATE, 1, "PCM_16")
    sink.write(sound(1))
    sink.commit()
    assert soundfile.info(path).format == "RF64"
