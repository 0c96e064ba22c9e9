"""`audiocos devices`: what records and plays here, and how long sound takes through it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from audiocos.audio.devices import Device, devices
from audiocos.audio.names import shown
from audiocos.cli.console import print_json, print_table
from audiocos.cli.main import say
from audiocos.errors import UsageError


@click.command(
    "devices",
    epilog="""\b
Examples:
  audiocos devices
  audiocos devices --json
  audiocos devices --measure-latency --input 3 --output 5     with a cable, or the speakers near the microphone""",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a device on stdout.")
@click.option(
    "--measure-latency",
    is_flag=True,
    help="Play a chirp and listen for it: the whole loop, measured; again where sound was lost meanwhile.",
)
@click.option("--input", metavar="DEVICE", help="What listens: name or index; default the default microphone.")
@click.option("--output", metavar="DEVICE", help="What plays: name or index; default the default speakers.")
@click.option("--block", type=click.IntRange(16, 65536), default=256, show_default=True, help="Samples a callback.")
def command(as_json: bool, measure_latency: bool, input: str | None, output: str | None, block: int) -> None:
    """List the devices that record and play, or measure how long sound takes from output to input."""
    if measure_latency:
        _measure(input, output, block, as_json)
        return
    if input is not None or output is not None:
        raise UsageError("--input, --output: are for --measure-latency.")
    found = devices()
    if as_json:
        for device in found:
            print_json(_row(device))
        return
    if not found:
        say("No device records or plays here. `audiocos monitor` takes files and synth:NAME without one.")
        return
    columns = [("index", "right"), ("name", "left"), ("system", "left"), ("in", "right"), ("out", "right")]
    columns += [("Hz", "right"), ("latency in", "right"), ("latency out", "right"), ("default", "left")]
    rows = [
        [
            str(device.index),
            shown(device.name),
            device.host,
            str(device.inputs),
            str(device.outputs),
            str(device.sample_rate),
            _latency(device.input_latency_s, device.inputs),
            _latency(device.output_latency_s, device.outputs),
            " ".join(name for name, yes in (("in", device.default_input), ("out", device.default_output)) if yes),
        ]
        for device in found
    ]
    print_table("", columns, rows)


def _row(device: Device) -> dict[str, Any]:
    row = asdict(device)
    for side in ("input", "output"):
        low, high = row.pop(f"{side}_latency_s")
        row |= {f"{side}_latency_low_ms": 1e3 * low, f"{side}_latency_high_ms": 1e3 * high}
    return row


def _latency(seconds: tuple[float, float], channels: int) -> str:
    if not channels:
        return ""
    low, high = (f"{1e3 * each:.1f}" for each in seconds)
    return f"{low} ms" if low == high else f"{low} to {high} ms"


def _measure(input: str | None, output: str | None, block: int, as_json: bool) -> None:
    from audiocos.live.loop import measure_loop

    loop = measure_loop(input, output, block=block)
    if as_json:
        print_json(loop.row())
        return
    print(
        f"{loop.samples} samples, {loop.ms:.2f} ms from {shown(loop.output)} to {shown(loop.input)} at {loop.rate} Hz"
    )
    print(f"reported by the driver: {loop.reported} samples, {1e3 * loop.reported / loop.rate:.2f} ms")
