"""The study of butterflies: the same figures again, and matrices that are scipy's."""

import functools
import json

import numpy as np
import pytest
import scipy.fft
import torch
from reportpages import sentences, unlabelled

from audiocos import studies
from audiocos.studies.butterfly import learners, pair, transforms
from audiocos.studies.butterfly.network import Butterfly, bit_reversal, learn_by_factors
from audiocos.studies.butterfly.pictures import dense_factor
from audiocos.studies.study import Setting


@functools.cache
def answer():
    return studies.run("butterfly", Setting(quick=True))


def cooley_tukey(net):
    """The twiddles of the fast Fourier transform."""
    factors = []
    for index in range(net.factors):
        half = 2**index
        w = np.exp(-2j * np.pi * np.arange(half) / (2 * half))
        one = np.ones(half)
        entries = np.stack([np.stack([one, w], -1), np.stack([one, -w], -1)], 1)
        factors.append(np.tile(entries, (net.size // (2 * half), 1, 1)))
    return torch.view_as_real(torch.from_numpy(np.array(factors))).clone()


def test_a_second_run_says_the_same_figures():
    again = studies.run("butterfly", Setting(quick=True))
    assert json.dumps(again.figures, allow_nan=False) == json.dumps(answer().figures, allow_nan=False)
    assert again.text == answer().text
    assert len(sentences(again.text)) == 2
    assert not unlabelled(again)


def test_bits_are_reversed():
    assert bit_reversal(64).tolist() == [int(f"{i:06b}"[::-1], 2) for i in range(64)]


@pytest.mark.parametrize("frame", [2, 8, 32])
def test_with_cooley_tukeys_twiddles_it_is_the_fast_fourier_transform(frame):
    net = Butterfly(frame, "dft")
    with torch.no_grad():
        net.twiddles.copy_(cooley_tukey(net))
        x = np.random.default_rng(0).standard_normal((3, frame))
        np.testing.assert_allclose(net(torch.from_numpy(x)).numpy(), np.fft.fft(x), atol=1e-12)
        matrix = net.matrix().numpy()
    product = np.eye(frame)
    for index, factor in enumerate(torch.view_as_complex(net.twiddles.detach()).numpy()):
        product = dense_factor(factor, index) @ product
    np.testing.assert_allclose(product[:, np.argsort(bit_reversal(frame))], matrix, atol=1e-12)
    assert net.twiddles.numel() == 4 * frame * net.factors


def test_a_size_that_is_no_power_of_two_is_refused():
    with pytest.raises(ValueError, match="size: 12; a butterfly needs a power of two"):
        Butterfly(12, "dft")


def test_targets_are_scipys_transforms():
    x = np.random.default_rng(1).standard_normal((4, 16))
    spectrum = np.fft.rfft(x, norm="ortho")
    parts = np.stack([spectrum.real, spectrum.imag], -1).reshape(4, 18)
    expected = {"dct": scipy.fft.dct(x, norm="ortho"), "dft": np.delete(parts, (1, 17), axis=1)}
    for kind in transforms.KINDS:
        np.testing.assert_allclose(transforms.transformed(kind, x), expected[kind], atol=1e-14)
        np.testing.assert_allclose(x @ transforms.transform(kind, 16).T, expected[kind], atol=1e-14)
        parts_of = transforms.read(kind, transforms.complex_transform(kind, 16))
        np.testing.assert_allclose(x @ parts_of.T, expected[kind], atol=1e-14)


def test_a_score_is_of_the_entries_and_of_white_sound():
    off = transforms.transform("dct", 16) + 1e-3 * np.ones((16, 16))
    told = transforms.score("dct", off)
    assert told["rmse"] == pytest.approx(1e-3)
    assert told["snr_db"] == pytest.approx(10 * np.log10(16 / (256 * 1e-6)))


@pytest.mark.parametrize("kind", transforms.KINDS)
def test_one_pass_over_the_factors_finds_any_butterfly_from_any_start(kind):
    with torch.no_grad():
        target = Butterfly(32, kind, seed=5).matrix()
    power = float(target.abs().square().sum())
    for seed in (0, 1):
        net = Butterfly(32, kind, seed)
        assert learn_by_factors(net, target) == 5
        with torch.no_grad():
            assert float((net.matrix() - target).abs().square().sum()) < 1e-24 * power


def test_what_is_no_butterfly_is_not_found():
    rng = np.random.default_rng(2)
    target = torch.from_numpy(rng.standard_normal((32, 32)) + 1j * rng.standard_normal((32, 32)))
    net = Butterfly(32, "dft")
    learn_by_factors(net, target)
    with torch.no_grad():
        left = float((net.matrix() - target).abs().square().sum() / target.abs().square().sum())
    assert 0.3 < left < 1


def test_the_solved_factors_give_scipys_dct_of_frames():
    net, matrix, _ = learners.learn_butterfly("dct", 64, 3, "cpu")
    x = np.random.default_rng(4).standard_normal((5, 64))
    with torch.no_grad():
        np.testing.assert_allclose(net(torch.from_numpy(x)).real.numpy(), scipy.fft.dct(x, norm="ortho"), atol=1e-13)
    np.testing.assert_allclose(x @ matrix.T, scipy.fft.dct(x, norm="ortho"), atol=1e-13)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_pair_finds_the_dct_unshown(seed):
    found, steps = pair.learn_pair(32, seed)
    np.testing.assert_allclose(found.synthesis_matrix(), scipy.fft.dct(np.eye(32), axis=0, norm="ortho"), atol=1e-9)
    assert steps > 5


@pytest.mark.parametrize("frame, seed", [(8, 0), (8, 1), (64, 1)])
def test_a_bank_with_phases_becomes_the_fourier_transform(frame, seed):
    found, _, _ = pair.learn_fourier(frame, seed)
    x = np.random.default_rng(5).standard_normal(frame)
    spectrum = np.fft.rfft(x, norm="ortho")
    given = found.analysis_matrix() @ x
    np.testing.assert_allclose(given[1:-1:2], spectrum.real[1:-1], atol=1e-9)
    np.testing.assert_allclose(given[2:-1:2], spectrum.imag[1:-1], atol=1e-9)


def test_every_method_learns_both_transforms_with_its_number_of_parameters():
    rows = answer().figures["learned"]
    assert len(rows) == 18
    for row in rows:
        n = row["frame"]
        bank = 2 * n + (4 if row["transform"] == "dct" else 2)
        counts = {"dense layer": n * n, "butterfly": 4 * n * np.log2(n), "cosine pair": bank}
        assert row["parameters"] == counts[row["method"]]
        assert row["rmse"] < 1e-10, row
    assert all(rmse > 1e-6 for rmse in answer().figures["published_dct_rmse"].values())


def test_the_page_says_what_the_pair_was_given():
    section = answer().sections[0]
    assert "put in order" in section.text and "start anew, for up to 20 rounds" in section.text
    rounds = {
        row["frame"]: row["starts"]
        for row in answer().figures["learned"]
        if (row["transform"], row["method"]) == ("dft", "cosine pair")
    }
    assert max(rounds.values()) > 1
    assert "Adam, tried at N = 8, gets" in answer().text and "given the whole matrix" in answer().text
    cells = {name: steps for name, _, _, steps, *_ in section.tables[0].rows}
    told = {row[0].split(", ")[1]: row[1] for row in answer().table.rows}
    assert told["dense layer"] == "noise and its DCT" and told["cosine pair"] == "noise alone"
    assert told["butterfly"] == told["published butterfly"] == "whole matrix"
    for frame, starts in rounds.items():
        told = cells[f"{frame}, cosine pair"]
        assert told.endswith(f" in {starts} rounds") if starts > 1 else told.isdigit()


def test_adam_needs_both_parts_to_find_the_dct():
    descents = answer().figures["descents"]
    real, both = (np.median(descents[f"dct, {told}"][0]["rmse"]) for told in ("real part", "both parts"))
    assert both < real / 10
