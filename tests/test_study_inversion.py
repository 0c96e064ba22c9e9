"""The study of inversion, and the representations it starts from."""

import json
import sys

import numpy as np
import pytest
import torch
from reportpages import Page, sentences, unlabelled

import audiocos
from audiocos import framing, signals, studies
from audiocos.cosines import orthogonal
from audiocos.errors import AudiocosError
from audiocos.model import Model
from audiocos.studies import inversion, page
from audiocos.studies.inversion import nearby, representations
from audiocos.studies.study import Setting


@pytest.fixture(scope="module")
def quick():
    """The quick study run twice, and the progress of the first."""
    progress = []
    first = studies.run("inversion", Setting(quick=True, step=lambda what, done, total: progress.append((done, total))))
    return first, studies.run("inversion", Setting(quick=True)), progress


def test_the_study_says_the_same_twice(quick):
    first, second, _ = quick
    assert json.dumps(first.figures, allow_nan=False) == json.dumps(second.figures, allow_nan=False)
    assert first.text == second.text
    assert len(sentences(first.text)) == 2
    assert not unlabelled(first)


def test_signed_coefficients_give_the_waveform_and_what_has_lost_the_sign_does_not(quick):
    runs = quick[0].figures["runs"]
    after = {name: runs[name][quick[0].figures["shown"][name]]["after"] for name in runs}
    assert after["largest"]["snr_db"] > 20
    assert all(after[name]["snr_db"] < 3 for name in ("scattering", "magnitudes", "moduli"))
    assert after["moduli"]["magnitude_snr_db"] > 15  # its spectrum comes back all the same
    assert all(runs[name]["near"]["after"]["snr_db"] > 13 for name in ("magnitudes", "moduli", "largest"))
    assert "Yes, but only from the 128 largest of 512 coefficients:" in quick[0].text


def test_what_comes_from_nearby_is_held_against_what_needs_no_descent(quick):
    figures = quick[0].figures
    (text,) = (section.text for section in quick[0].sections if section.title == "From nearby")
    free = {name: row["snr_db"] for name, row in figures["without_descent"].items()}
    assert free["masked"] == max(row["snr_db"] for row in figures["sweep"]["denoised"])
    assert 15 < free["masked"] < free["magnitudes"] < 35, "of a start at 10 dB"
    for name, title in zip(figures["runs"], (row[0] for row in quick[0].table.rows), strict=True):
        gain = figures["runs"][name]["near"]["after"]["snr_db"] - free.get(name, free["masked"])
        (sentence,) = (each for each in sentences(text) if "found from" in each and title in each)
        assert (" or more above it" in sentence) == (gain >= 6)
        assert ("does not tell" in sentence) == (-6 < gain < 6)


def test_a_verdict_from_nearby_needs_a_clear_distance():
    said = [nearby.verdict(20 + gain, 20) for gain in (6, 5.9, -5.9, -6)]
    assert said == [nearby.MORE, nearby.ALIKE, nearby.ALIKE, nearby.LESS]


def test_without_descent_the_signal_itself_comes_back_and_magnitudes_are_those_wanted():
    x = signals.harmonic(2048, inversion.RATE, notes=7)
    start = x + 0.1 * signals.noise(2048, 8000)
    for free in (nearby.true_magnitudes, nearby.true_moduli):
        np.testing.assert_allclose(free(x, x), x, atol=1e-12)
        np.testing.assert_allclose(free(x, 3 * start), free(x, start), atol=1e-12)  # of it only signs and phases count
        assert np.linalg.norm(free(x, start) - x) < np.linalg.norm(start - x) / 2


def test_losses_fall_and_both_methods_are_there(quick):
    for of in quick[0].figures["runs"].values():
        assert set(of) == {"bold-driver", "l-bfgs", "near"}
        for run in of.values():
            assert run["losses"][-1] < run["losses"][0] and np.all(np.diff(run["losses"]) <= 0)
        assert of["bold-driver"]["before"] == of["l-bfgs"]["before"]


def test_more_coefficients_hold_more_and_descent_reaches_what_synthesis_gives(quick):
    sweep = quick[0].figures["sweep"]
    for rows in ([row["after"]["snr_db"] for row in sweep["with signs"]], [r["snr_db"] for r in sweep["synthesized"]]):
        assert rows == sorted(rows)
    descended, synthesized = sweep["with signs"][-1]["after"]["snr_db"], sweep["synthesized"][-1]["snr_db"]
    assert synthesized - 15 < descended < synthesized + 1
    assert all(row["after"]["snr_db"] < 0 for row in sweep["without signs"])


def test_most_of_descents_error_is_where_nothing_is_kept(quick):
    shares = [row["error_elsewhere"] for row in quick[0].figures["sweep"]["with signs"]]
    assert all(0.5 < share < 1 for share in shares)
    assert f"{100 * min(shares):.1f} to {100 * max(shares):.1f} % lies there" in quick[0].sections[-1].text


def test_the_page_shows_the_loss_waveforms_and_spectrograms(quick, tmp_path):
    shown = Page(page.write_answer(tmp_path, "inversion", Setting(quick=True), quick[0]))
    names = {"found", "spectrograms", "waveforms", "losses", "kept"}
    assert {path.stem for path in tmp_path.glob("*.png")} == {f"inversion-{name}" for name in names}
    assert len(shown.all("img")) == 5
    assert shown.text.rindex("the most of the spectrum from moduli of cosine and sine (") > shown.text.index(
        "How many of the largest"
    )
    assert shown.rows[-1][0] == "the 128 largest of 512 coefficients"


def test_progress_only_rises_and_ends(quick):
    done = [done for done, _ in quick[2]]
    totals = {total for _, total in quick[2]}
    assert done == sorted(done) and len(totals) == 1 and done[-1] == totals.pop()


@pytest.mark.parametrize("name", ["exact", "exact-overlap", "exact-lapped"])
@pytest.mark.parametrize("samples", [1, 511, 512, 3000])
def test_coefficients_are_the_models(name, samples):
    model, x = audiocos.load(name), signals.noise(samples, 8000)
    found = representations.coefficients(model, "cpu")(torch.from_numpy(x))
    np.testing.assert_allclose(found, model.analyze(x[None])[0], atol=1e-12)


def test_cosines_and_sines_are_an_exact_pair_with_the_moduli_of_a_fourier_transform():
    model = representations.quadratures(framing.block(64))
    assert framing.block(64).deviation(model.parameters) < 1e-12
    x = signals.noise(64, 8000)
    moduli = representations.moduli(representations.coefficients(model, "cpu")(torch.from_numpy(x)))
    half_a_bin_up = np.fft.fft(x * np.exp(-1j * np.pi * np.arange(64) / 64))[:32]
    np.testing.assert_allclose(moduli[0], np.abs(half_a_bin_up) * np.sqrt(2 / 64), atol=1e-12)


def test_the_largest_are_kept_where_they_are_with_their_signs():
    analyze = representations.coefficients(Model(orthogonal(8), framing.block(8)), "cpu")
    x = torch.from_numpy(signals.noise(32, 8000))
    every, kept = analyze(x), representations.largest(analyze, 3)(x)
    for row, few in zip(every.numpy(), kept.numpy(), strict=True):
        expected = np.where(np.argsort(np.argsort(-np.abs(row))) < 3, row, 0)
        np.testing.assert_array_equal(few, expected)


def test_the_signal_has_four_intervals_and_notes_half_over_them():
    """A note's window is zero where it begins and ends: those of the intervals there, the others in their middles."""
    samples, quarter = inversion.FULL.samples, inversion.FULL.samples // inversion.INTERVALS
    told = {"harmonics": inversion.HARMONICS, "gamma": inversion.GAMMA}
    x = signals.harmonic(samples, inversion.RATE, notes=inversion.NOTES, **told)
    alone = signals.harmonic(2 * quarter, inversion.RATE, notes=3, **told)
    ratio = np.dot(x[: quarter // 2], alone[: quarter // 2]) / np.dot(alone[: quarter // 2], alone[: quarter // 2])
    # The same first note from 0 to T/4; up to 3T/8 the second and third are the same, too.
    np.testing.assert_allclose(x[: 3 * quarter // 2], ratio * alone[: 3 * quarter // 2], atol=1e-12)
    assert inversion.INTERVALS == 4 and quarter == samples / 4


def test_recovered_does_not_mind_the_sign():
    x = signals.harmonic(2048, inversion.RATE, notes=7)
    y = x + 0.01 * signals.noise(2048, 1)
    assert inversion.recovered(x, -y) == inversion.recovered(x, y)
    expected = 10 * np.log10((x @ x) / ((x - y) @ (x - y)))
    assert inversion.recovered(x, y)["snr_db"] == pytest.approx(expected)
    assert inversion.recovered(x, x)["snr_db"] is None


def test_scattering_is_kymatios_and_its_numbers_are_counted():
    from kymatio.numpy import Scattering1D

    x = signals.noise(256, 8000)
    each, expected = representations.scattering(256, 3, 2, "cpu"), Scattering1D(J=3, shape=256, Q=2)(x)
    # In kymatio's torch the filters are in float32.
    np.testing.assert_allclose(each.apply(torch.from_numpy(x)), expected, atol=1e-7)
    assert each.numbers == expected.size


def test_without_kymatio_the_study_names_the_remedy(audiocos_command, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "kymatio.torch", None)
    with pytest.raises(AudiocosError, match=r'pip install "audiocos\[scattering\]"'):
        studies.run("inversion", Setting(quick=True))
    done = audiocos_command("study", "inversion", "--quick", "-o", tmp_path / "answer")
    assert done.code == 1 and 'pip install "audiocos[scattering]"' in done.err and not (tmp_path / "answer").exists()
