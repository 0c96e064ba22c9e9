"""Two JACK clients in a process of their own: one feeds a known sound, one records, both by JACK's clock.

    python jack_lab.py feeder recorder RECORDING.npz [invalid|loud|repeat]

The sound at frame time t is `sound()[:, t % PERIOD]`, whatever cycles are lost, so a recording tells the delay of
what lies between the two clients to the sample. Prints "ready", records until standard input closes; then also says
when JACK told of a cycle that was late, and how long a cycle is. invalid and loud spoil the sound; with repeat the
feeder plays what it hears instead.
"""

import sys

import numpy as np

PERIOD = 3 * 48000 + 7
MOST = 40 * 48000


def sound(level=0.5):
    return np.random.default_rng(7).uniform(-level, level, (2, PERIOD)).astype(np.float32)


def main():
    import jack

    feeder_name, recorder_name, target = sys.argv[1:4]
    spoilt = sys.argv[4] if len(sys.argv) > 4 else ""
    period = sound(50000.0 if spoilt == "loud" else 0.5)
    if spoilt == "invalid":
        period[:, ::1000], period[:, 1::2000], period[:, 1001::2000] = np.nan, np.inf, -np.inf
    feeder, recorder = jack.Client(feeder_name), jack.Client(recorder_name)
    sources = [feeder.outports.register(f"out{i}", is_terminal=True) for i in range(2)]
    sinks = [recorder.inports.register(f"in{i}", is_terminal=True) for i in range(2)]
    doubled = np.concatenate([period, period[:, :8192]], axis=1)
    ears = [feeder.inports.register(f"in{i}", is_terminal=True) for i in range(2 if spoilt == "repeat" else 0)]
    recorded = np.zeros((2, MOST), np.float32)
    times = np.full(MOST, -1, np.int64)
    place, late, cycle = 0, [], recorder.blocksize

    @recorder.set_xrun_callback
    def xrun(delayed_us):
        late.append(recorder.frame_time)

    @feeder.set_process_callback
    def feed(frames):
        if ears:
            for port, ear in zip(sources, ears, strict=True):
                port.get_array()[:] = ear.get_array()
            return
        start = feeder.last_frame_time % PERIOD
        for port, samples in zip(sources, doubled, strict=True):
            port.get_array()[:] = samples[start : start + frames]

    @recorder.set_process_callback
    def record(frames):
        nonlocal place
        if place + frames <= MOST:
            times[place : place + frames] = recorder.last_frame_time + np.arange(frames)
            for i, port in enumerate(sinks):
                recorded[i, place : place + frames] = port.get_array()
            place += frames

    with feeder, recorder:
        print("ready", flush=True)
        sys.stdin.read()
    np.savez(target, times=times[:place], recorded=recorded[:, :place], late=np.array(late, int), cycle=cycle)


if __name__ == "__main__":
    main()
