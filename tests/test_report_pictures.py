"""The pictures of a report draw every sound and every pair, and tell the truth."""

import numpy as np
import pytest
from reportpages import MINUS, PNG, noise

from audiocos import cosines, framing
from audiocos.report.banks import tone_response
from audiocos.report.pictures import bank_figure, error_figure, spectrogram_figure, waveform_figure
from audiocos.report.spectra import spectrogram
from audiocos.report.style import png
from audiocos.stream import Stream


def test_a_sine_at_full_scale_reads_0_db_in_its_band():
    rate, frequency = 16000, 1000.0
    s = spectrogram(np.sin(2 * np.pi * frequency * np.arange(rate) / rate)[None], rate)
    middle = s.level_db[:, s.level_db.shape[1] // 2]
    band = int(np.argmax(middle))
    assert s.frequency_edges_hz[band - 1] <= frequency <= s.frequency_edges_hz[band + 2]
    assert middle[band] == pytest.approx(0.0, abs=0.01)
    assert s.level_db.shape[1] <= 500 and s.time_edges_s[-1] == 1.0


@pytest.mark.parametrize("rate", [8000, 48000])
def test_spectrograms_of_any_length_and_channel_count_agree_on_noise(rate):
    levels = [spectrogram(noise(c, n), rate).level_db for c, n in ((1, 20000), (7, 50000), (1, 700001))]
    means = [10 * np.log10(np.mean(10 ** (level / 10))) for level in levels]
    assert np.ptp(means) < 0.5


def test_magnification_is_stated():
    figure = waveform_figure(np.array([[0.5, -1.0, 0.2]]), np.array([[0.5, -0.99, 0.2]]), 8000)
    top, bottom = figure.axes
    assert bottom.get_title(loc="left") == f"Residual magnified 100 times, its peak is 0.01 ({MINUS}40.0 dBFS)"
    assert top.get_ylim()[1] == pytest.approx(100 * bottom.get_ylim()[1])


def test_long_sounds_are_drawn_as_envelopes_that_keep_every_peak():
    x = np.zeros((2, 1_000_003))
    x[1, 777_777] = 0.9
    figure = waveform_figure(x, 0 * x, 8000)
    vertices = figure.axes[0].collections[0].get_paths()[0].vertices
    assert len(vertices) < 10_000
    assert vertices[:, 1].max() == 0.9
    assert len(png(figure)) < 100_000


def test_spectrograms_share_one_scale():
    figure = spectrogram_figure(noise(), 0.5 * noise(), 8000)
    limits = {axes.collections[0].get_clim() for axes in figure.axes[:3]}
    assert len(limits) == 1
    assert figure.axes[3].get_xlabel() == "dB, 0 is a sine at full scale"


def test_marks_lie_where_they_are_said_to_and_nowhere_else():
    x = noise(1, 8000)
    marks = [(0.25, 0.5), (0.75, 9.0), (20.0, 30.0)]
    times = np.linspace(0, 1, 50)
    for figure in (
        waveform_figure(x, 0.5 * x, 8000, marks=marks),
        spectrogram_figure(x, 0.5 * x, 8000, marks=marks),
        error_figure(times, np.full(50, -20.0), np.full(50, -30.0), marks=marks),
    ):
        for axes in figure.axes[:3]:
            strips = [each for each in axes.collections if not each.get_clip_on()]
            spans = [np.unique(path.vertices[:, 0]).tolist() for strip in strips for path in strip.get_paths()]
            assert spans == [[0.25, 0.5], [0.75, 1.0]]
            assert axes.get_xlim() == (0.0, 1.0)


def test_snr_curve_is_the_difference_and_long_curves_are_means():
    figure = error_figure([0, 1, 2], [-20, -150, -30], [-60, -150, -150])
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), [40, np.nan, np.nan])
    points = 10_000
    figure = error_figure(np.arange(points), np.tile([-20.0, -150.0], points // 2), np.full(points, -50.0))
    drawn = figure.axes[0].lines[0].get_ydata()
    assert len(drawn) <= 1000
    np.testing.assert_allclose(drawn, -20 + 10 * np.log10(0.5))
    assert len(error_figure([0.0], [-150.0], [-150.0]).axes) == 1


@pytest.mark.parametrize(
    ("pair", "frames"),
    [
        (cosines.orthogonal(1), None),
        (cosines.orthogonal(8, 3), None),
        (cosines.random(16, 40), framing.overlap(16)),
        (cosines.random(300, 200, phased=True), framing.overlap(300, 100, "sqrt-hann")),
        (cosines.lapped(512, range(64)), framing.lapped(512)),
    ],
)
def test_every_kind_of_pair_has_a_picture(pair, frames):
    figure = bank_figure(pair, frames)
    assert png(figure).startswith(PNG)
    assert len(figure.axes) == 7


def test_bank_figure_refuses_another_frame():
    with pytest.raises(ValueError, match="framing: frame 8, the pair has 4."):
        bank_figure(cosines.orthogonal(4), framing.block(8))


@pytest.mark.parametrize(
    ("pair", "frames"),
    [
        (cosines.orthogonal(64, 40), framing.overlap(64, 16)),
        (cosines.lapped(64, range(20)), framing.lapped(64)),
        (cosines.random(32, 32), framing.block(32)),
    ],
)
def test_tone_response_is_what_the_stream_does_to_a_tone(pair, frames):
    periods, length = 7, 64 * 50
    w = 2 * np.pi * periods / 64  # whole periods in each hop: means over hops are exact
    tone = np.exp(1j * w * np.arange(length))
    stream = Stream(pair, frames, channels=2, dtype="float64", device="cpu")
    x = np.stack([tone.real, tone.imag])
    y = np.concatenate([stream.feed(x), stream.flush()], axis=1)[:, stream.latency :]
    inner = slice(64 * 5, 64 * 45)
    out, tone = (y[0] + 1j * y[1])[inner], tone[inner]
    power, residual = tone_response(pair, frames, np.array([w]))
    assert power[0] == pytest.approx(abs(np.mean(out * tone.conj())) ** 2, abs=1e-12)
    assert residual[0] == pytest.approx(np.mean(np.abs(tone - out) ** 2), abs=1e-12)


def test_tone_response_of_an_exact_pair_is_one():
    power, residual = tone_response(cosines.lapped(64), framing.lapped(64), np.linspace(0, np.pi, 9))
    np.testing.assert_allclose(power, 1, atol=1e-12)
    np.testing.assert_allclose(residual, 0, atol=1e-12)
