"""The ways of applying a pair on the CPU: they agree with brute force and allocate nothing."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from audiocos import cosines, framing
from audiocos.cpu import CpuExecution
from audiocos.errors import DeviceError
from audiocos.execution import (
    accelerator_present,
    choose_device,
    choose_way,
    fast_rows,
    make_execution,
    matrices,
)

ON_GRID = {
    "block": (cosines.orthogonal(12), framing.block(12)),
    "block one sample": (cosines.orthogonal(1), framing.block(1)),
    "block M < N": (cosines.orthogonal(12, 5), framing.block(12)),
    "block M > N": (cosines.orthogonal(12, 19), framing.block(12)),
    "overlap half": (cosines.orthogonal(12), framing.overlap(12)),
    "overlap quarter": (cosines.orthogonal(12, 7), framing.overlap(12, 3)),
    "overlap M > N": (cosines.orthogonal(12, 13), framing.overlap(12, 4, "rectangular")),
    "lapped": (cosines.lapped(16), framing.lapped(16)),
    "lapped kbd": (cosines.lapped(8).with_phases(), framing.lapped(8, "kbd")),
    "lapped smallest": (cosines.lapped(4), framing.lapped(4)),
    "lapped rows": (cosines.lapped(16, [0, 3, 4, 7]), framing.lapped(16)),
    "lapped, block's grid": (cosines.orthogonal(12, 6), framing.lapped(12)),
}
GRID = cosines.orthogonal(12, 5).analysis_frequencies
OFF_GRID = {
    "banks on different rows": (
        replace(cosines.orthogonal(12, 5), synthesis_frequencies=GRID + np.pi / 12),
        framing.block(12),
    ),
    "random": (cosines.random(12, seed=1), framing.block(12)),
    "random M < N": (cosines.random(12, 4, phased=True), framing.overlap(12, 3)),
    "random M > N": (cosines.random(12, 17), framing.overlap(12, 6)),
    "lapped odd hop": (cosines.lapped(14), framing.lapped(14)),
    "lapped odd hop, rows": (cosines.lapped(10, [1, 4]), framing.lapped(10, "kbd")),
    "lapped in overlap": (cosines.lapped(16), framing.overlap(16, 8, "sine")),
    "random lapped": (cosines.random(16, 8, tied=True), framing.lapped(16)),
}
CASES = ON_GRID | OFF_GRID
every_case = pytest.mark.parametrize("case", CASES)


def brute_force(parameters, f, x):
    """What a stream computes: frames from N - H before the signal, each times W1 and W2, summed up."""
    analysis, synthesis = parameters.analysis_matrix(), parameters.synthesis_matrix()
    padded = np.pad(x, ((0, 0), (f.frame - f.hop, 0)))
    y = np.zeros_like(padded)
    for start in range(0, padded.shape[1] - f.frame + 1, f.hop):
        part = slice(start, start + f.frame)
        y[:, part] += padded[:, part] * f.analysis_window @ analysis.T @ synthesis.T * f.synthesis_window
    return y[:, : x.shape[1]]  # finished samples, from N - H before the signal


def feed(execution, x, halves=False):
    """Run whole groups of a signal; the finished samples in order."""
    step = execution.output.shape[1]
    done = []
    for start in range(0, x.shape[1], step):
        execution.input[:, -step:] = x[:, start : start + step]
        if halves:
            execution.analyze()
            execution.synthesize()
        else:
            execution.step()
        done.append(execution.output.copy())
    return np.concatenate(done, axis=1)


def ways(parameters, f):
    return ["fused", "factored"] + ["fast"] * (fast_rows(parameters, f) is not None)


def sound(f, channels=2, hops=12):
    return np.random.default_rng(0).uniform(-1, 1, (channels, hops * f.hop))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("group", [1, 3, 4])
@every_case
def test_every_way_is_brute_force(case, group, dtype):
    parameters, f = CASES[case]
    x = sound(f)
    expected = brute_force(parameters, f, x)
    scale = np.abs(expected).max()
    results = []
    for way in ways(parameters, f):
        execution = CpuExecution(parameters, f, channels=2, group=group, dtype=dtype, way=way)
        y = feed(execution, x)
        assert y.dtype == dtype
        limit = {np.float32: 1e-6, np.float64: 1e-12}[dtype] * max(1.0, scale)
        np.testing.assert_allclose(y, expected, atol=limit, rtol=0, err_msg=way)
        results.append(y)
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], atol=limit, rtol=0)


@every_case
def test_analyze_and_synthesize_are_the_halves_of_a_step(case):
    parameters, f = CASES[case]
    x = sound(f, channels=1)
    for way in set(ways(parameters, f)) - {"fused"}:
        settings = {"dtype": np.float64, "coefficients": True, "group": 2, "way": way}
        whole = feed(CpuExecution(parameters, f, **settings), x)
        halves = feed(CpuExecution(parameters, f, **settings), x, halves=True)
        np.testing.assert_array_equal(whole, halves)
        np.testing.assert_allclose(whole, brute_force(parameters, f, x), atol=1e-12)


@every_case
def test_the_coefficients_are_the_analysis_of_the_windowed_frames(case):
    parameters, f = CASES[case]
    x = sound(f, channels=1, hops=f.overlap)
    frame = x[0, : f.frame] * f.analysis_window
    for way in set(ways(parameters, f)) - {"fused"}:
        execution = CpuExecution(parameters, f, dtype=np.float64, coefficients=True, way=way)
        feed(execution, x)
        found = execution.coefficients[0, 0]
        np.testing.assert_allclose(found, parameters.analysis_matrix() @ frame, atol=1e-12)


@pytest.mark.parametrize("case", ON_GRID)
def test_a_pair_on_the_grid_goes_the_fast_way(case):
    assert choose_way(*ON_GRID[case]) == "fast"
    assert CpuExecution(*ON_GRID[case]).way == "fast"


def test_off_the_grid_the_cheaper_product_is_chosen():
    f = framing.block(12)
    assert choose_way(cosines.random(12, 12), f) == "fused"
    assert choose_way(cosines.random(12, 7), f) == "fused"  # N * N < 2 N M
    assert choose_way(cosines.random(12, 6), f) == "factored"
    assert choose_way(cosines.random(12, 12), f, True) == "factored"  # somebody wants the coefficients
    for case in OFF_GRID:
        assert choose_way(*OFF_GRID[case]) != "fast"


@pytest.mark.parametrize("side", ["analysis_frequencies", "synthesis_frequencies"])
@pytest.mark.parametrize("case", ["block", "lapped", "block M < N", "overlap half"])
def test_a_frequency_a_millionth_of_a_bin_off_leaves_the_fast_way(case, side):
    parameters, f = ON_GRID[case]
    moved = getattr(parameters, side).copy()
    moved[3] += 1e-6 * np.pi / parameters.frame
    detuned = replace(parameters, tied=False, **{side: moved})
    assert choose_way(detuned, f) != "fast"
    x = sound(f)
    y = feed(CpuExecution(detuned, f, channels=2, dtype=np.float64), x)
    np.testing.assert_allclose(y, brute_force(detuned, f, x), atol=1e-12)
    assert np.abs(y - brute_force(parameters, f, x)).max() > 1e-9  # the change is heard


@pytest.mark.parametrize("case", ON_GRID)
def test_other_amplitudes_stay_fast_and_right(case):
    parameters, f = ON_GRID[case]
    changed = replace(parameters, amplitudes=np.array([0.3, 1.7, -0.9, 2.1]))
    assert choose_way(changed, f) == "fast"
    x = sound(f)
    y = feed(CpuExecution(changed, f, channels=2, dtype=np.float64), x)
    np.testing.assert_allclose(y, brute_force(changed, f, x), atol=1e-12)


def test_the_fast_way_refuses_a_pair_off_the_grid():
    with pytest.raises(ValueError, match="way: fast needs both banks on the grid of a fast transform."):
        CpuExecution(*OFF_GRID["random"], way="fast")


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(("channels", "group"), [(1, 1), (2, 1), (2, 16)])
@pytest.mark.parametrize("kind", ["block", "block rows", "block M > N", "overlap", "lapped", "lapped rows"])
def test_a_step_allocates_nothing(kind, channels, group, keep):
    parameters, f = {
        "block": (cosines.orthogonal(512), framing.block(512)),
        "block rows": (cosines.orthogonal(512, 300), framing.block(512)),
        "block M > N": (cosines.orthogonal(512, 550), framing.block(512)),
        "overlap": (cosines.orthogonal(512), framing.overlap(512, 128)),
        "lapped": (cosines.lapped(512), framing.lapped(512)),
        "lapped rows": (cosines.lapped(512, [1, 5, 200]), framing.lapped(512)),
    }[kind]
    for way in ("fast", "factored") if keep else ("fast", "factored", "fused"):
        settings = {"channels": channels, "group": group, "coefficients": keep, "way": way}
        settings["dtype"] = np.float64
        execution = CpuExecution(parameters, f, **settings)
        for _ in range(3):
            execution.step()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            for _ in range(50):
                execution.step()
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        assert peak < 4000, f"{way}: {peak} bytes"  # a frame has 4096: views and small integers, no array


def test_changed_parameters_give_changed_output():
    parameters, f = OFF_GRID["random"]
    x = sound(f)
    first = feed(CpuExecution(parameters, f, channels=2), x)
    changed = replace(parameters, amplitudes=2 * parameters.amplitudes)
    np.testing.assert_allclose(feed(CpuExecution(changed, f, channels=2), x), 4 * first, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(feed(CpuExecution(parameters, f, channels=2), x), first)


def test_matrices_are_computed_once_for_the_same_pair_and_framing():
    parameters, f = cosines.random(6), framing.block(6)
    first = matrices(parameters, f, np.dtype(np.float32), True)
    assert matrices(parameters, f, np.dtype(np.float32), True) is first
    assert matrices(replace(parameters), f, np.dtype(np.float32), True) is not first
    assert matrices(parameters, f, np.dtype(np.float64), True)[0].dtype == np.float64


@every_case
def test_state_moves_to_another_execution(case):
    parameters, f = CASES[case]
    x = sound(f)
    first, second = (CpuExecution(parameters, f, channels=2, group=2) for _ in range(2))
    half = 6 * f.hop
    feed(first, x[:, :half])
    state = first.state()
    second.load_state(state)
    expected = feed(first, x[:, half:])
    np.testing.assert_array_equal(feed(second, x[:, half:]), expected)
    second.load_state(state)  # a copy: running on did not change it
    np.testing.assert_array_equal(feed(second, x[:, half:]), expected)


@every_case
def test_reset_forgets(case):
    parameters, f = CASES[case]
    execution, x = CpuExecution(parameters, f, channels=2), sound(f)
    first = feed(execution, x)
    execution.reset()
    assert not execution.output.any()
    np.testing.assert_array_equal(feed(execution, x), first)


def test_devices_are_chosen_by_what_is_cheaper():
    assert choose_device("cpu", *OFF_GRID["random"]) == "cpu"
    assert choose_device("auto", *ON_GRID["block"]) == "cpu"  # a fast transform beats any transfer
    assert choose_device("auto", *OFF_GRID["random"]) == (accelerator_present() or "cpu")
    assert isinstance(make_execution("cpu", *ON_GRID["block"]), CpuExecution)


def test_an_unknown_device_is_refused():
    with pytest.raises(DeviceError, match='device "tpu": unknown; choose one of auto, cpu, cuda, mps.'):
        choose_device("tpu", *ON_GRID["block"])


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_an_accelerator_that_is_not_there_is_refused(device):
    if accelerator_present() == device:
        pytest.skip(f"{device} is here")
    with pytest.raises(DeviceError, match=f"device {device}: not available here. Use --device cpu or auto."):
        choose_device(device, *ON_GRID["block"])
