"""The torch execution gives what the CPU's gives, on every device that is here."""

import numpy as np
import pytest
import torch

from audiocos import cosines, framing
from audiocos.accelerator import TorchExecution
from audiocos.cpu import CpuExecution
from audiocos.errors import DeviceError
from audiocos.execution import make_execution
from audiocos.stream import Stream

PRESENT = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
every_device = pytest.mark.parametrize("device", [device for device, here in PRESENT.items() if here])
CASES = {
    "block": (cosines.orthogonal(12), framing.block(12)),
    "block M < N": (cosines.random(12, 4), framing.block(12)),
    "block M > N": (cosines.random(12, 17), framing.block(12)),
    "overlap half": (cosines.random(12, phased=True), framing.overlap(12)),
    "overlap quarter": (cosines.orthogonal(12, 7), framing.overlap(12, 3)),
    "lapped": (cosines.lapped(16), framing.lapped(16)),
    "lapped rows, odd hop": (cosines.lapped(14, [0, 3, 4]), framing.lapped(14, "kbd")),
}
every_case = pytest.mark.parametrize("case", CASES)


def feed(execution, x, halves=False):
    step = execution.output.shape[1]
    done, spectra = [], []
    for start in range(0, x.shape[1], step):
        execution.input[:, -step:] = x[:, start : start + step]
        if halves:
            execution.analyze()
            spectra.append(execution.coefficients.copy())
            execution.synthesize()
        else:
            execution.step()
            spectra.append(execution.coefficients.copy())
        done.append(execution.output.copy())
    return np.concatenate(done, axis=1), np.concatenate(spectra, axis=1)


def sound(f, channels=2):
    return np.random.default_rng(0).uniform(-1, 1, (channels, 20 * f.hop))


def dtypes(device):
    return [np.float32] if device == "mps" else [np.float32, np.float64]


@every_device
@pytest.mark.parametrize("group", [1, 5])
@every_case
def test_steps_agree_with_the_cpu(case, group, device):
    parameters, f = CASES[case]
    for dtype in dtypes(device):
        settings = {"channels": 2, "group": group, "dtype": dtype}
        expected, _ = feed(CpuExecution(parameters, f, **settings), sound(f))
        limit = {np.float32: 1e-6, np.float64: 1e-12}[dtype] * max(1.0, np.abs(expected).max())
        for way in ("fused", "factored", None):
            y, _ = feed(TorchExecution(parameters, f, device=device, way=way, **settings), sound(f))
            assert y.dtype == dtype
            np.testing.assert_allclose(y, expected, atol=4 * limit, rtol=0)


@every_device
@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("group", [1, 5])
@every_case
def test_coefficients_and_halves_agree_with_the_cpu(case, group, halves, device):
    parameters, f = CASES[case]
    settings = {"channels": 2, "group": group, "dtype": np.float32, "coefficients": True}
    expected, spectrum = feed(CpuExecution(parameters, f, **settings), sound(f), halves)
    y, found = feed(TorchExecution(parameters, f, device=device, **settings), sound(f), halves)
    np.testing.assert_allclose(y, expected, atol=4e-6 * max(1.0, np.abs(expected).max()), rtol=0)
    np.testing.assert_allclose(found, spectrum, atol=4e-6 * max(1.0, np.abs(spectrum).max()), rtol=0)


@every_device
@pytest.mark.parametrize("group", [1, 5])
@every_case
def test_state_moves_on_and_reset_forgets(case, group, device):
    parameters, f = CASES[case]
    x, settings = sound(f), {"device": device, "channels": 2, "group": group, "coefficients": True}
    first, second = (TorchExecution(parameters, f, **settings) for _ in range(2))
    half = 10 * f.hop
    before, _ = feed(first, x[:, :half])
    second.load_state(first.state())
    after, _ = feed(first, x[:, half:])
    np.testing.assert_array_equal(feed(second, x[:, half:])[0], after)
    first.reset()
    assert not first.coefficients.any() and not first.output.any()
    np.testing.assert_array_equal(feed(first, x)[0], np.concatenate([before, after], axis=1))


@every_device
def test_a_cpu_streams_state_goes_on_there(device):
    parameters, f = cosines.random(12), framing.overlap(12, 3)
    cpu = CpuExecution(parameters, f)
    there = TorchExecution(parameters, f, device=device)
    x = sound(f, channels=1)
    feed(cpu, x[:, :30])
    there.load_state(cpu.state())
    np.testing.assert_allclose(feed(there, x[:, 30:])[0], feed(cpu, x[:, 30:])[0], atol=1e-5)


@every_device
def test_way_is_the_cheaper_product(device):
    for m, expected in ((12, "fused"), (7, "fused"), (6, "factored")):
        assert TorchExecution(cosines.random(12, m), framing.block(12), device=device).way == expected
    kept = TorchExecution(cosines.random(12), framing.block(12), device=device, coefficients=True)
    assert kept.way == "factored"


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_stream_runs_there(device):
    if not PRESENT[device]:
        pytest.skip(f"torch finds no {device} device here: none of this file's tests ran on one")
    parameters, f = cosines.random(64), framing.overlap(64)
    x = sound(f).astype(np.float32)
    streams = [Stream(parameters, f, channels=2, device=d) for d in ("cpu", device)]
    expected, y = (np.concatenate([s.feed(x), s.flush()], axis=1) for s in streams)
    np.testing.assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())


def test_float64_on_mps_is_refused():
    text = "device mps: it computes in float32 only. Use --dtype float32 or --device cpu."
    with pytest.raises(DeviceError, match=text):
        make_execution("mps", cosines.random(4), framing.block(4), dtype=np.float64)
