"""How long a signal is, told by the shape of its representation."""

import pytest
import torch

import audiocos
from audiocos.errors import InversionError
from audiocos.startlength import LONGEST, shortest

FRAMES = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
REPRESENTATIONS = {
    "identity": (lambda x: x, 37),
    "magnitudes": (lambda x: torch.fft.rfft(x).abs(), 64),
    "frames": (lambda x: torch.fft.rfft(x.unfold(-1, 32, 8)).abs(), 32 + 8 * 11),
    "frames of a module": (torch.nn.Unflatten(0, (-1, 8)), 72),
    "blocks": (lambda x: x.reshape(-1, 8) @ FRAMES, 56),
    "in place": (lambda x: x.mul_(2).cumsum(0), 21),
}


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_the_shortest_length_is_found(name):
    representation, samples = REPRESENTATIONS[name]
    target = representation(torch.ones(samples))
    assert shortest(representation, target) == samples
    assert all(_shape(representation, n) != target.shape for n in range(1, samples))


PAIR = audiocos.CosinePair(frame=100, coefficients=30)
LONG = torch.nn.Linear(9001, 8)
PICKY = {
    "frames of 100": (lambda x: PAIR.analyze(x.view(-1, 100)).abs(), 10000),
    "frames of 100 of another count": (lambda x: PAIR.analyze(x.view(-1, 100)).abs(), 1700),
    "one frame": (audiocos.CosinePair(frame=100), 100),
    "a layer": (torch.nn.Linear(30, 10), 30),
    "a layer of no round length": (torch.nn.Linear(1013, 10), 1013),
    "frames of no round length": (lambda x: x.view(-1, 97)[:, :30], 97 * 211),
    "what is left after the first": (lambda x: x[1:].view(-1, 100)[:, :7], 1 + 300 * 100),
    "a shape that is fixed elsewhere": (lambda x: x.reshape(5000).unfold(0, 64, 64), 5000),
    "spectrum of a round length": (lambda x: torch.fft.rfft(x.view(7000)), 7000),
}


@pytest.mark.parametrize("name", PICKY)
def test_what_takes_few_lengths_is_inverted_without_a_start(name):
    representation, samples = PICKY[name]
    with torch.no_grad():
        target = representation(torch.linspace(-1, 1, samples))
    assert audiocos.invert(representation, target, iterations=1).signal.shape == (samples,)


def test_scattering_of_a_length_that_is_no_power_of_two_is_inverted_without_a_start():
    from kymatio.torch import Scattering1D

    transform = Scattering1D(J=3, shape=300, Q=1)
    assert shortest(transform, transform(torch.ones(300))) == 300


def test_each_length_is_tried_once():
    tried = []

    def picky(x):
        tried.append(x.numel())
        return LONG(x)

    with pytest.raises(InversionError):
        shortest(picky, torch.ones(8))
    assert len(tried) == len(set(tried)) < 2**13 and set(range(1, 4097)) <= set(tried)


def _shape(representation, samples):
    try:
        return representation(torch.zeros(samples)).shape
    except RuntimeError:
        return None


def test_inverting_without_a_start_is_inverting_with_noise_of_that_length():
    magnitudes = REPRESENTATIONS["frames"][0]
    target = magnitudes(torch.sin(torch.arange(120, dtype=torch.float64)))
    told, found = (audiocos.invert(magnitudes, target, *start, iterations=5, seed=3) for start in ((120,), ()))
    assert found.losses == told.losses and torch.equal(found.signal, told.signal)


def test_of_two_lengths_the_even_one_is_found():
    whole = audiocos.invert(torch.fft.rfft, torch.fft.rfft(torch.ones(64)), iterations=0)
    odd = audiocos.invert(torch.fft.rfft, torch.fft.rfft(torch.ones(65)), iterations=0)
    assert whole.signal.shape == odd.signal.shape == (64,)


@pytest.mark.parametrize(
    "representation, target, told",
    [
        (
            LONG,
            torch.ones(8),
            "takes none of the lengths that were tried, 1 to 16777216 samples",
        ),
        (lambda x: x.no_such_thing, torch.ones(8), "AttributeError: 'Tensor' object has no attribute 'no_such_thing'"),
        (lambda x: x[:4], torch.ones(8), r"shape \[8\], but no signal of up to 16777216 samples has so many values"),
        (lambda x: x, torch.ones(2, 8), r"shape \[2, 8\], but 16 samples have a representation of shape \[16\]"),
        (lambda x: x.repeat(2), torch.ones(9), r"shape \[9\], but 5 samples have a representation of shape \[10\]"),
    ],
)
def test_where_no_length_fits_a_start_is_asked_for(representation, target, told):
    assert LONGEST == 2**24
    with pytest.raises(InversionError, match=told) as error:
        audiocos.invert(representation, target)
    assert str(error.value).endswith("Give a start: a signal, or how many samples it has.")


def test_a_representation_that_is_no_tensor_is_said():
    with pytest.raises(InversionError, match="representation: gives a list"):
        audiocos.invert(lambda x: x.tolist(), torch.ones(4))
