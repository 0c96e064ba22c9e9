"""The family of cosine banks against scipy's transforms, brute force and closed forms."""

import numpy as np
import pytest
from scipy.fft import dct

from audiocos import cosines
from audiocos.cosines import CosineParameters

SIZES = [1, 2, 3, 7, 64, 511, 512, 4096]


def brute_force_banks(parameters):
    """Both matrices by the definition, one entry at a time."""
    p, n_total, m_total = parameters, parameters.frame, parameters.coefficients
    a1, a2, a3, a4 = p.amplitudes
    phases = np.zeros(m_total) if p.analysis_phases is None else p.analysis_phases
    other = np.zeros(m_total) if p.synthesis_phases is None else p.synthesis_phases
    analysis, synthesis = np.zeros((m_total, n_total)), np.zeros((n_total, m_total))
    for k in range(m_total):
        for n in range(n_total):
            t = n + p.origin
            alpha, beta = (a1, a3) if n == 0 else (a2, a4)
            analysis[k, n] = alpha * np.cos(p.analysis_frequencies[k] * t + phases[k]) / n_total**0.5
            synthesis[n, k] = beta * np.cos(p.synthesis_frequencies[k] * t + other[k]) / m_total**0.5
    return analysis, synthesis


@pytest.mark.parametrize("phased", [False, True])
@pytest.mark.parametrize(("frame", "coefficients", "origin"), [(5, 5, 0.0), (6, 3, 2.5), (4, 9, -1.0), (1, 1, 0.0)])
def test_the_matrices_are_the_definition(frame, coefficients, origin, phased):
    start = cosines.random(frame, coefficients, seed=3, phased=phased)
    parameters = cosines.with_origin(start, origin)
    analysis, synthesis = brute_force_banks(parameters)
    np.testing.assert_allclose(parameters.analysis_matrix(), analysis, atol=1e-14)
    np.testing.assert_allclose(parameters.synthesis_matrix(), synthesis, atol=1e-14)


@pytest.mark.parametrize("frame", SIZES)
def test_orthogonal_analysis_is_scipys_dct_iii(frame):
    expected = dct(np.eye(frame), type=3, norm="ortho", axis=0)
    np.testing.assert_allclose(cosines.orthogonal(frame).analysis_matrix(), expected, atol=1e-10)


@pytest.mark.parametrize("frame", SIZES)
def test_orthogonal_synthesis_is_scipys_dct_ii(frame):
    expected = dct(np.eye(frame), type=2, norm="ortho", axis=0)
    np.testing.assert_allclose(cosines.orthogonal(frame).synthesis_matrix(), expected, atol=1e-10)


@pytest.mark.parametrize(("frame", "coefficients"), [(1, 2), (2, 3), (7, 8), (64, 100), (511, 1024)])
def test_more_coefficients_than_samples_are_an_exact_tight_frame(frame, coefficients):
    parameters = cosines.orthogonal(frame, coefficients)
    analysis, synthesis = parameters.analysis_matrix(), parameters.synthesis_matrix()
    np.testing.assert_allclose(synthesis @ analysis, np.eye(frame), atol=1e-11)
    bound = np.sqrt(coefficients / frame)  # tight: every frame's energy grows by the same factor
    np.testing.assert_allclose(analysis.T @ analysis, bound * np.eye(frame), atol=1e-11)


@pytest.mark.parametrize(("frame", "coefficients"), [(2, 1), (7, 3), (64, 63), (511, 100)])
def test_fewer_coefficients_than_samples_are_an_orthogonal_projection(frame, coefficients):
    parameters = cosines.orthogonal(frame, coefficients)
    projection = parameters.synthesis_matrix() @ parameters.analysis_matrix()
    np.testing.assert_allclose(projection @ projection, projection, atol=1e-11)
    np.testing.assert_allclose(projection, projection.T, atol=1e-11)
    assert np.trace(projection) == pytest.approx(coefficients)  # its rank


def brute_force_mdct(hop):
    """sqrt(2/H) cos(pi/H (n + 1/2 + H/2)(k + 1/2)), as in the textbooks, `[H, 2H]`."""
    n, k = np.arange(2 * hop), np.arange(hop)[:, None]
    return np.sqrt(2 / hop) * np.cos(np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5))


@pytest.mark.parametrize("frame", [2, 4, 6, 10, 64, 510, 512])
def test_lapped_is_the_mdct(frame):
    parameters, expected = cosines.lapped(frame), brute_force_mdct(frame // 2)
    product = parameters.synthesis_matrix() @ parameters.analysis_matrix()
    np.testing.assert_allclose(product, expected.T @ expected, atol=1e-11)
    analysis = parameters.analysis_matrix()
    np.testing.assert_allclose(analysis / np.linalg.norm(analysis), expected / np.linalg.norm(expected), atol=1e-12)


@pytest.mark.parametrize("hop", [2, 4, 64])
def test_lapped_is_scipys_dct_iv_of_the_folded_frame(hop):
    x = np.random.default_rng(0).standard_normal(2 * hop)
    a, b, c, d = x.reshape(4, -1)
    folded = np.concatenate([-c[::-1] - d, a - b[::-1]])
    parameters = cosines.lapped(2 * hop)
    scale = np.sqrt(2 * hop) / parameters.amplitudes[0] * np.sqrt(2 / hop)
    np.testing.assert_allclose(parameters.analysis_matrix() @ x * scale, dct(folded, type=4, norm="ortho"), atol=1e-12)


def test_lapped_rows_are_rows_of_the_mdct():
    rows = [0, 2, 3, 7]
    parameters, expected = cosines.lapped(16, rows), brute_force_mdct(8)[rows]
    product = parameters.synthesis_matrix() @ parameters.analysis_matrix()
    np.testing.assert_allclose(product, expected.T @ expected, atol=1e-13)
    assert parameters.coefficients == 4 and parameters.origin == 4.5


def test_lapped_amplitudes_have_the_product_of_the_definition():
    for kept, hop in ((8, 8), (3, 8), (1, 4)):
        a = cosines.lapped(2 * hop, range(kept)).amplitudes
        assert a[0] == a[1] and a[2] == a[3]
        assert a[1] * a[3] == pytest.approx(2 * np.sqrt(2 * kept / hop))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([0, 0], "rows: give distinct numbers from 0 to 3."),
        ([4], "rows: give distinct numbers from 0 to 3."),
        ([-1], "rows: give distinct numbers from 0 to 3."),
        ([], "rows: give distinct numbers from 0 to 3."),
        ([[0, 1]], "rows: give distinct numbers from 0 to 3."),
    ],
)
def test_lapped_refuses_rows_that_are_not_there(rows, text):
    with pytest.raises(ValueError, match=text):
        cosines.lapped(8, rows)


@pytest.mark.parametrize("frame", [0, 1, 7])
def test_lapped_refuses_an_odd_frame(frame):
    with pytest.raises(ValueError, match=f"frame: {frame}; a lapped frame is even, twice the hop."):
        cosines.lapped(frame)


def test_random_draws_what_it_says():
    start = cosines.random(512, 300, seed=1, phased=True)
    assert start.amplitudes.min() >= 0.5 and start.amplitudes.max() < 1.5
    for w in (start.analysis_frequencies, start.synthesis_frequencies):
        assert w.min() >= 0 and w.max() < np.pi and (np.diff(w) > 0).all()
        assert abs(w.mean() - np.pi / 2) < 0.2  # uniform: standard error pi / sqrt(12 * 300) = 0.05
    for p in (start.analysis_phases, start.synthesis_phases):
        assert p.min() >= -np.pi and p.max() < np.pi and p.std() > 1.5
    assert not np.array_equal(start.analysis_frequencies, start.synthesis_frequencies)


def test_random_is_seeded():
    first, again, other = (cosines.random(8, seed=s).arrays() for s in (5, 5, 6))
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
        assert not np.array_equal(value, other[name])


def test_random_tied_shares_frequencies_and_phases():
    start = cosines.random(8, tied=True, phased=True)
    np.testing.assert_array_equal(start.analysis_frequencies, start.synthesis_frequencies)
    np.testing.assert_array_equal(start.analysis_phases, start.synthesis_phases)


def test_the_base_family_has_2m_plus_4_numbers():
    assert sum(a.size for a in cosines.random(16, 10).arrays().values()) == 2 * 10 + 4
    assert sum(a.size for a in cosines.random(16, 10, phased=True).arrays().values()) == 4 * 10 + 4


def test_with_phases_changes_no_matrix():
    start = cosines.random(9, 5)
    phased = start.with_phases()
    assert phased.phased and not start.phased and phased.with_phases() is phased
    np.testing.assert_array_equal(phased.analysis_matrix(), start.analysis_matrix())


def test_arrays_are_copies_that_cannot_be_written():
    w = np.array([0.1, 0.2])
    parameters = CosineParameters(4, 2, np.ones(4), w, w)
    w[0] = 3.0
    assert parameters.analysis_frequencies[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        parameters.analysis_frequencies[0] = 1.0


GOOD = {
    "frame": 4,
    "coefficients": 2,
    "amplitudes": np.ones(4),
    "analysis_frequencies": np.array([0.1, 0.2]),
    "synthesis_frequencies": np.array([0.1, 0.2]),
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"frame": 0}, r"frame: 0; at least 1 is needed\."),
        ({"coefficients": 0}, r"coefficients: 0; at least 1 is needed\."),
        ({"amplitudes": np.ones(3)}, r"amplitudes: shape \[3\], expected \[4\]\."),
        (
            {"analysis_frequencies": np.ones((2, 1))},
            r"analysis_frequencies: shape \[2, 1\], expected \[2\]\.",
        ),
        ({"synthesis_frequencies": [0.0, np.nan]}, r"synthesis_frequencies: holds NaN or infinity\."),
        ({"analysis_phases": [0.0, 1.0]}, r"Phases: give both .* or neither\."),
        ({"origin": np.inf}, r"origin: inf is not a finite number\."),
        ({"synthesis_frequencies": [0.1, 0.3], "tied": True}, r"tied: .* must be the same\."),
        ({"analysis_phases": [0.0, 1.0], "synthesis_phases": [0.0, 2.0], "tied": True}, r"tied: "),
    ],
)
def test_what_cannot_be_a_pair_is_refused(change, text):
    CosineParameters(**GOOD)
    with pytest.raises(ValueError, match=text):
        CosineParameters(**(GOOD | change))


@pytest.mark.parametrize("start", [cosines.orthogonal, cosines.random])
@pytest.mark.parametrize(("sizes", "name"), [((0,), "frame: 0"), ((4, 0), "coefficients: 0"), ((-3,), "frame: -3")])
def test_starts_refuse_sizes_below_one(start, sizes, name):
    with pytest.raises(ValueError, match=f"{name}; at least 1 is needed."):
        start(*sizes)


def rows_of(frequencies, phases=None, origin=0.0, *, size=64, grid_origin=0.0, frame=64):
    return cosines.grid_rows(frequencies, phases, origin, size=size, grid_origin=grid_origin, frame=frame)


def test_grid_rows_finds_the_rows_of_a_grid():
    grid = (np.arange(64) + 0.5) * np.pi / 64
    np.testing.assert_array_equal(rows_of(grid), np.arange(64))
    np.testing.assert_array_equal(rows_of(grid[[1, 5, 63]]), [1, 5, 63])


def test_grid_rows_takes_phases_for_a_time_origin():
    grid = (np.arange(32) + 0.5) * np.pi / 32
    phases = np.remainder(grid * 16.5, 2 * np.pi)  # whole turns make no difference
    found = rows_of(grid, phases, size=32, grid_origin=16.5)
    np.testing.assert_array_equal(found, np.arange(32))
    assert rows_of(grid, phases + 1e-9, size=32, grid_origin=16.5) is None


@pytest.mark.parametrize(
    "frequencies",
    [
        (np.arange(64) + 0.5) * np.pi / 64 + 1e-6 * np.pi / 64,  # a millionth of a bin off
        np.array([0.5, 0.5]) * np.pi / 64,  # twice the same row
        np.array([1.5, 0.5]) * np.pi / 64,  # in another order
        np.array([64.5]) * np.pi / 64,  # past the grid
        np.array([-0.5]) * np.pi / 64,  # before it
        np.array([1e300]),
    ],
)
def test_grid_rows_turns_down_what_is_off_the_grid(frequencies):
    assert rows_of(frequencies) is None
