"""Framings: what they accept, why they refuse, and how far a pair is from exact in them."""

import numpy as np
import pytest
from scipy import signal

from audiocos import cosines, framing
from audiocos.cosines import CosineParameters
from audiocos.errors import AudiocosError, FramingError
from audiocos.framing import Framing


def overlap_sum(f):
    """The window products over all frames that cover each sample of a hop, by brute force."""
    total = np.zeros(f.hop)
    for start in range(0, f.frame, f.hop):
        part = slice(start, start + f.hop)
        total += f.analysis_window[part] * f.synthesis_window[part]
    return total


@pytest.mark.parametrize(
    "f",
    [
        framing.block(7),
        framing.overlap(64),
        framing.overlap(64, 16),
        framing.overlap(60, 20, "rectangular"),
        framing.overlap(64, 16, "hann"),
        framing.overlap(64, 8, "blackman"),
        framing.overlap(64, 32, "sine"),
        framing.overlap(64, 32, "kbd:2"),
        framing.overlap(48, 24, "sqrt-bartlett"),
        framing.lapped(64),
        framing.lapped(62),
        framing.lapped(64, "kbd"),
        framing.lapped(64, "rectangular"),
    ],
    ids=repr,
)
def test_window_products_sum_to_one(f):
    np.testing.assert_allclose(overlap_sum(f), 1.0, atol=1e-10)


@pytest.mark.parametrize("f", [framing.lapped(64), framing.lapped(62, "kbd:6"), framing.lapped(2)], ids=repr)
def test_lapped_windows_cancel_their_aliases(f):
    h, a, s = f.hop, f.analysis_window, f.synthesis_window
    for n in range(h):
        assert s[n] * a[h - 1 - n] == pytest.approx(s[n + h] * a[2 * h - 1 - n], abs=1e-12)


def test_each_kind_says_when_it_is_exact():
    assert "(synthesis times analysis is the identity)" in framing.block(4).condition
    assert "the windows already sum to one" in framing.overlap(4).condition
    assert "the MDCT with as many coefficients as the hop" in framing.lapped(4).condition


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("blocks", 8, 8, "sine"), 'framing "blocks": unknown; choose one of block, overlap, lapped.'),
        (("block", 0, 0, "sine"), "frame 0, hop 0: both must be at least 1."),
        (("overlap", 1, 0, "sine"), "frame 1, hop 0: both must be at least 1."),
        (
            ("block", 8, 4, "rectangular"),
            "block framing: hop 4 is not the frame 8; frames would overlap or leave gaps.",
        ),
        (
            ("lapped", 8, 2, "sine"),
            "lapped framing: frame 8 is not twice the hop 2; its aliases could not cancel.",
        ),
        (
            ("overlap", 512, 100, "hann"),
            "overlap framing: hop 100 does not divide frame 512; samples would be covered unevenly. Try hop 128.",
        ),
        (
            ("overlap", 8, 4, "hann"),
            'overlap framing: window "hann" at hop 4 does not meet the overlap-add condition: the window '
            "products sum to 0.5..1 instead of a constant above 0. Use a smaller hop or another window, "
            "for example sqrt-hann.",
        ),
        (("overlap", 8, 4, "nuttal"), 'window "nuttal": unknown; try rectangular, sqrt-hann, sine, kbd, '),
        (("overlap", 8, 4, "sqrt-sqrt-hann"), 'window "sqrt-sqrt-hann": unknown; '),
        (("overlap", 8, 4, "kaiser"), 'window "kaiser": unknown; '),  # it has a parameter
        (("overlap", 8, 4, "custom"), 'window "custom": unknown; '),
        (("lapped", 8, 4, "kbd:x"), 'window "kbd:x": kbd needs an even frame and an alpha from 0 to 100.'),
        (("lapped", 8, 4, "kbd:-1"), 'window "kbd:-1": kbd needs an even frame and an alpha from 0 to 100.'),
        (
            ("lapped", 8, 4, "kbd:nan"),
            'window "kbd:nan": kbd needs an even frame and an alpha from 0 to 100.',
        ),
        (("block", 7, 7, "kbd"), 'window "kbd": kbd needs an even frame and an alpha from 0 to 100.'),
        (("block", 4, 4, "c", np.ones(3)), "window: shape [3]; expected [4] finite numbers."),
        (("block", 2, 2, "c", [1.0, np.nan]), "window: shape [2]; expected [2] finite numbers."),
        (("block", 2, 2, "c", np.ones(2), [1.0, np.inf]), "window: shape [2]; expected [2] finite numbers."),
        (("block", 2, 2, "c", -np.ones(2), np.ones(2)), "instead of a constant above 0."),
    ],
)
def test_a_framing_that_cannot_reconstruct_says_why(arguments, text):
    with pytest.raises(FramingError) as raised:
        Framing(*arguments)
    assert text in str(raised.value)
    assert isinstance(raised.value, AudiocosError) and isinstance(raised.value, ValueError)


def test_an_odd_lapped_frame_is_refused():
    with pytest.raises(FramingError, match="frame 7 is not twice the hop 3"):
        framing.lapped(7)


def asymmetric_pair(hop):
    """A window and its partner that overlap-add but leave aliases."""
    rise = np.linspace(0.1, 0.9, hop)
    return np.concatenate([rise, 1 - rise]), np.ones(2 * hop)


def test_a_window_that_leaves_aliases_is_refused_when_lapped():
    windows = asymmetric_pair(4)
    assert Framing("overlap", 8, 4, "custom", *windows).kind == "overlap"
    with pytest.raises(FramingError) as raised:
        Framing("lapped", 8, 4, "custom", *windows)
    assert str(raised.value) == (
        'lapped framing: window "custom" leaves aliases of up to 0.8: '
        "s[n] a[H-1-n] must equal s[n+H] a[2H-1-n]. Use sine or kbd."
    )


def test_two_different_windows_make_a_framing():
    f = Framing("overlap", 64, 32, "custom", np.ones(64), signal.windows.hann(64, sym=False))
    np.testing.assert_array_equal(f.analysis_window, np.ones(64))
    np.testing.assert_allclose(f.synthesis_window, signal.windows.hann(64, sym=False), atol=1e-15)
    assert f.deviation(cosines.orthogonal(64)) < 1e-12


def test_the_synthesis_window_is_scaled_to_a_sum_of_one():
    hann = signal.windows.hann(64, sym=False)
    f = framing.overlap(64, 16, "hann")  # hann squared sums to 1.5 at a quarter hop
    np.testing.assert_allclose(f.analysis_window, hann, atol=1e-15)
    np.testing.assert_allclose(f.synthesis_window, hann / 1.5, atol=1e-12)
    custom = Framing("block", 4, 4, "custom", 2 * np.ones(4), 3 * np.ones(4))
    np.testing.assert_allclose(custom.synthesis_window, 0.5)


def test_windows_cannot_be_written_and_are_copies():
    window = np.ones(4)
    f = Framing("block", 4, 4, "custom", window)
    window[0] = 7
    assert f.analysis_window[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        f.synthesis_window[0] = 2.0


@pytest.mark.parametrize("alpha", [0.0, 1.0, 4.0, 6.5])
@pytest.mark.parametrize("frame", [2, 30, 512])
def test_kbd_is_scipys(frame, alpha):
    expected = signal.windows.kaiser_bessel_derived(frame, beta=np.pi * alpha)
    np.testing.assert_allclose(framing.named_window(f"kbd:{alpha}", frame), expected, atol=1e-13)


def test_kbd_has_alpha_four_unless_told():
    np.testing.assert_array_equal(framing.named_window("kbd", 64), framing.named_window("kbd:4", 64))


@pytest.mark.parametrize("frame", [1, 7, 64])
def test_named_windows_are_scipys(frame):
    hann = signal.get_window("hann", frame)
    np.testing.assert_allclose(framing.named_window("sine", frame), signal.windows.cosine(frame), atol=1e-14)
    np.testing.assert_allclose(framing.named_window("hann", frame), hann, atol=1e-15)
    np.testing.assert_array_equal(framing.named_window("rectangular", frame), np.ones(frame))
    blackman = np.sqrt(signal.get_window("blackman", frame).clip(0))
    np.testing.assert_allclose(framing.named_window("sqrt-blackman", frame), blackman, atol=1e-15)
    if frame > 1:  # of one sample scipy makes a one, the formula a zero
        np.testing.assert_allclose(framing.named_window("sqrt-hann", frame), np.sqrt(hann), atol=1e-8)


def test_latency_and_overlap_follow_from_frame_and_hop():
    f = framing.overlap(512, 128)
    assert f.overlap == 4
    assert [f.latency(g) for g in (1, 2, 8)] == [511, 511 + 128, 511 + 7 * 128]
    assert framing.block(5).latency() == 4 and framing.block(1).latency() == 0


def brute_force_deviation(f, parameters):
    """Reconstruct unit impulses by cutting frames, multiplying matrices and adding up; the largest error."""
    analysis, synthesis = parameters.analysis_matrix(), parameters.synthesis_matrix()
    length = 4 * f.frame + f.hop
    worst = 0.0
    for position in range(2 * f.frame, 2 * f.frame + f.hop):  # the system repeats after a hop
        x, y = np.zeros(length), np.zeros(length)
        x[position] = 1.0
        for start in range(0, length - f.frame + 1, f.hop):
            frame = slice(start, start + f.frame)
            y[frame] += f.synthesis_window * (synthesis @ (analysis @ (x[frame] * f.analysis_window)))
        worst = max(worst, np.abs(y - x).max())
    return worst


# Every sample of the frame becomes their sum: all the error lies beside the impulse, none on it.
SUM_OF_TWO = CosineParameters(2, 1, np.full(4, 2**0.25), np.zeros(1), np.zeros(1))


@pytest.mark.parametrize(
    ("f", "parameters", "exact"),
    [
        (framing.block(8), cosines.orthogonal(8), True),
        (framing.block(8), cosines.orthogonal(8, 13), True),
        (framing.block(8), cosines.orthogonal(8, 5), False),
        (framing.block(6), cosines.random(6, 4), False),
        (framing.overlap(8), cosines.orthogonal(8), True),
        (framing.overlap(12, 3), cosines.orthogonal(12), True),
        (framing.overlap(12, 4, "rectangular"), cosines.random(12, 9, phased=True), False),
        (framing.overlap(8, 2), cosines.orthogonal(8, 3), False),
        (framing.lapped(16), cosines.lapped(16), True),
        (framing.lapped(14, "kbd"), cosines.lapped(14), True),
        (framing.lapped(16), cosines.lapped(16, [0, 1, 4]), False),
        (framing.lapped(16), cosines.random(16, 8), False),
        (framing.lapped(16), cosines.orthogonal(16, 8), False),
        (framing.overlap(16, 8, "sine"), cosines.lapped(16), True),
        (framing.overlap(2, 1, "rectangular"), SUM_OF_TWO, False),
    ],
)
def test_deviation_is_what_impulses_lose(f, parameters, exact):
    deviation = f.deviation(parameters)
    assert deviation == pytest.approx(brute_force_deviation(f, parameters), abs=1e-12)
    assert (deviation < 1e-12) == exact


def test_repr_shows_settings_and_not_arrays():
    assert repr(framing.lapped(8, "kbd:6")) == "Framing(kind='lapped', frame=8, hop=4, window='kbd:6')"
