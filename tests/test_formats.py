"""Every file type that libsndfile writes: what the exact models make of it, and samples to floats and back."""

import numpy as np
import pytest
import soundfile

import audiocos
from audiocos.audio.formats import (
    FORMATS,
    compute_dtype,
    from_float,
    native_dtype,
    resolve_format,
    resolve_subtype,
    subtype_in,
    to_float,
)
from audiocos.audio.reconstruct import Settings, Task, reconstruct_file
from audiocos.errors import AudioFileError

EXACT = ["exact", "exact-overlap", "exact-lapped"]
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
BITS |= {"ALAC_16": 16, "ALAC_20": 20, "ALAC_24": 24, "ALAC_32": 32, "DWVW_16": 16, "DWVW_24": 24, "DPCM_16": 16}
TYPES = [(format, subtype) for format in FORMATS for subtype in soundfile.available_subtypes(format)]
LOSSLESS = [pair for pair in TYPES if pair[1] in BITS]
FLOATS = [pair for pair in TYPES if pair[1] in ("FLOAT", "DOUBLE")]


class Plain(soundfile.SoundFile):
    """soundfile seeks after each block, which some of libsndfile's codecs cannot."""

    def seekable(self):
        return False


def signal(samples, channels, seed=0):
    """Three sines a channel and a little noise: libsndfile's ALAC garbles pure noise."""
    rng = np.random.default_rng(seed)
    n = np.arange(samples)[:, None, None]
    sines = 0.2 * np.sin(n * rng.uniform(0.02, 0.3, (channels, 3)) + rng.uniform(0, 6, (channels, 3))).sum(axis=2)
    return sines + 0.01 * rng.uniform(-1, 1, (samples, channels))


def integers(samples, channels, bits, seed=0):
    """Integer samples in the upper bits of int32, full scale at both ends included."""
    top = 2 ** (bits - 1)
    values = np.rint(signal(samples, channels, seed) * (top - 1)).astype(np.int64)
    values[samples // 2] = -top
    values[samples // 3] = top - 1
    return (values << (32 - bits)).astype(np.int32)


def write(path, samples, format, subtype, endian="FILE"):
    """Write with soundfile alone, at the first rate and channels that the format takes; None if there are none."""
    for rate, channels in ((44100, 2), (48000, 2), (44100, 1), (8000, 1)):
        try:
            with Plain(path, "w", rate, channels, subtype, endian, format) as file:
                file.write(samples[:, :channels])
            return soundfile.info(path)
        except soundfile.LibsndfileError:
            continue
    return None


def read(path, dtype):
    with Plain(path) as file:
        return file.read(100_000, dtype=dtype, always_2d=True)


def reconstruct(source, target, model="exact", **settings):
    return reconstruct_file(
        Task(str(source), str(target), force=True), audiocos.load(model), Settings(device="cpu", **settings)
    )


def facts(path):
    info = soundfile.info(path)
    return info.format, info.subtype, info.endian, info.samplerate, info.channels, info.frames


# VOC in ULAW and ALAW comes out of libsndfile one sample longer each time it is written.
LENGTHENS = {("VOC", "ULAW"), ("VOC", "ALAW")}
# libsndfile lists these and refuses to write or to read back what it wrote.
UNWRITABLE = {("AIFF", "DWVW_12"), ("MP3", "MPEG_LAYER_I"), ("MP3", "MPEG_LAYER_II"), ("WAV", "MPEG_LAYER_III")}


@pytest.mark.parametrize(("format", "subtype"), TYPES)
def test_every_type_comes_back_as_the_same_type(format, subtype, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    written = 0
    for endian in ("FILE", "LITTLE", "BIG"):
        if soundfile.check_format(format, subtype, endian) and write(source, signal(3000, 2), format, subtype, endian):
            written += 1
            result = reconstruct(source, target)
            kept = 5 if (format, subtype) in LENGTHENS else 6
            assert facts(target)[:kept] == facts(source)[:kept]
            assert result.subtype == subtype
            assert not result.warnings
    assert written or (format, subtype) in UNWRITABLE


@pytest.mark.parametrize("model", EXACT)
@pytest.mark.parametrize(("format", "subtype"), LOSSLESS)
def test_integer_samples_come_back_identical(format, subtype, model, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    assert write(source, integers(1291, 2, BITS[subtype]), format, subtype)
    result = reconstruct(source, target, model)
    before, after = read(source, "int32"), read(target, "int32")
    assert np.ptp(before.astype(np.int64)) > 2**31
    np.testing.assert_array_equal(after, before)
    assert (result.figures.mse, result.figures.max_abs_error, result.figures.snr_db) == (0, 0, None)
    assert result.clipped == 0


@pytest.mark.parametrize("model", EXACT)
@pytest.mark.parametrize("samples", [1, 2, 255, 256, 257, 511, 512, 513, 767, 1024, 1025, 131_073])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32"])
def test_every_length_comes_back_identical(subtype, samples, model, tmp_path):
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    write(source, integers(samples, 2, BITS[subtype]), "WAV", subtype)
    reconstruct(source, target, model)
    before, after = (soundfile.read(path, dtype="int32")[0] for path in (source, target))
    assert len(before) == samples
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("model", EXACT)
@pytest.mark.parametrize(("format", "subtype"), FLOATS)
def test_floats_come_back_to_rounding(format, subtype, model, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    write(source, 3 * signal(5000, 2), format, subtype)  # beyond full scale, which floats hold
    assert reconstruct(source, target, model).clipped == 0
    before, after = read(source, "float64"), read(target, "float64")
    assert np.abs(before).max() > 1
    snr_db = 10 * np.log10(np.sum(before**2) / np.sum((before - after) ** 2))
    assert snr_db > (120 if subtype == "FLOAT" else 250)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_channels_stay_apart(channels, tmp_path):
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    before = signal(2000, channels) * 10.0 ** -np.arange(channels)
    soundfile.write(source, before, 48000, "DOUBLE")
    reconstruct(source, target, "exact-overlap")
    after, _ = soundfile.read(target, always_2d=True)
    assert (np.abs(after - before).max(axis=0) < 1e-14 * 10.0 ** -np.arange(channels)).all()


@pytest.mark.parametrize(("subtype", "bits"), BITS.items())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_is_to_the_nearest_step_and_clipping_is_counted(subtype, bits, dtype):
    top = 2 ** (bits - 1)
    edges = np.array([0, -1, 1, 1 - 2.0**-15, 2.0**-15 - 1, 1 + 2.0**-15, -1 - 2.0**-15, 1.5, -1.5, 100, -100])
    halves = (np.arange(-3, 4) + 0.5) / top
    y = np.concatenate([edges, halves, np.random.default_rng(1).uniform(-1.2, 1.2, 500)]).astype(dtype)
    native, clipped = from_float(y[None], subtype)
    wide = y.astype(np.float64) * top  # exact: a float32 has 24 bits, a power of two moves only the exponent
    rounded = np.round(wide)
    spare = 8 * native.itemsize - bits
    expected = np.clip(rounded, -top, top - 1)
    off = np.abs((native[:, 0].astype(np.int64) >> spare) - expected)
    # Just below 2^31 float32 counts in steps of 128.
    assert off.max() <= (128 if dtype == "float32" and bits == 32 else 0)
    assert off[y < 1].max() == 0
    assert clipped == np.count_nonzero(np.abs(rounded) > top)
    assert native.dtype == native_dtype(subtype)
    assert native.flags.c_contiguous


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "IMA_ADPCM", "VORBIS", "OPUS", "MPEG_LAYER_III"])
def test_coders_never_see_more_than_full_scale(subtype):
    y = np.array([[0.25, 1, -1, 1.01, -1.01, 1e9, -1e9]], np.float32)
    native, clipped = from_float(y, subtype)
    back = np.empty_like(y)
    to_float(native, back)
    np.testing.assert_allclose(back, np.clip(y, -1, 1), atol=2**-15)
    assert clipped == 4


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_integers_become_floats_of_the_same_value(dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    native = np.array([[low, high], [low + 1, high - 1], [0, 1], [-1, 12345]], dtype)
    out = np.empty((2, 4))
    to_float(native, out)
    np.testing.assert_array_equal(out, native.T.astype(np.float64) / -float(low))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32"])
def test_what_soundfile_reads_as_floats_is_what_is_measured(subtype, tmp_path):
    path = tmp_path / "a.wav"
    write(path, integers(1000, 2, BITS[subtype]), "WAV", subtype)
    native = soundfile.read(path, dtype=native_dtype(subtype), always_2d=True)[0]
    ours = np.empty((2, 1000), compute_dtype(subtype))
    to_float(native, ours)
    np.testing.assert_array_equal(ours.T, soundfile.read(path, dtype="float64")[0])


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_U8", 8), ("PCM_16", 16), ("PCM_24", 24), ("PCM_32", 32)])
def test_conversion_rounds_as_numpy_does(subtype, bits, tmp_path):
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    x = np.random.default_rng(2).uniform(-1.1, 1.1, (4000, 1))
    soundfile.write(source, x, 44100, "DOUBLE")
    result = reconstruct(source, target, subtype=subtype)
    top = 2 ** (bits - 1)
    steps = np.round(x * top)
    after = np.round(soundfile.read(target, always_2d=True)[0] * top)
    np.testing.assert_array_equal(after, np.clip(steps, -top, top - 1))
    assert result.clipped == np.count_nonzero(np.abs(steps) > top) > 100
    assert soundfile.info(target).subtype == subtype


@pytest.mark.parametrize(
    ("format", "subtype", "nearest"),
    [
        ("FLAC", "PCM_16", "PCM_16"),
        ("WAV", "ALAC_32", "PCM_32"),
        ("WAV", "ALAC_20", "PCM_24"),
        ("IRCAM", "PCM_24", "PCM_32"),
        ("FLAC", "PCM_32", "PCM_24"),
        ("FLAC", "FLOAT", "PCM_24"),
        ("W64", "PCM_S8", "PCM_U8"),
        ("AU", "PCM_U8", "PCM_S8"),
        ("WAV", "VORBIS", "PCM_16"),
        ("AU", "IMA_ADPCM", "PCM_16"),
        ("CAF", "DOUBLE", "DOUBLE"),
        ("IRCAM", "DOUBLE", "FLOAT"),
        ("HTK", "PCM_24", "PCM_16"),
        ("OGG", "PCM_16", "VORBIS"),
        ("WVE", "FLOAT", "ALAW"),
    ],
)
def test_another_container_gets_a_subtype_that_loses_least(format, subtype, nearest):
    assert subtype_in(format, subtype) == nearest


def test_names_are_understood_in_any_case_and_refused_with_a_list():
    assert [resolve_format(name) for name in ("wav", "FLAC", "aif", "Opus")] == ["WAV", "FLAC", "AIFF", "OGG"]
    assert resolve_subtype("pcm_24") == "PCM_24"
    with pytest.raises(AudioFileError, match=r'format "mp4": unknown; choose one of aiff, au, .*, xi\.$'):
        resolve_format("mp4")
    with pytest.raises(AudioFileError, match=r'format "sd2": unknown'):
        resolve_format("sd2")
    with pytest.raises(AudioFileError, match=r'subtype "pcm24": unknown; choose one of .*pcm_24'):
        resolve_subtype("pcm24")
