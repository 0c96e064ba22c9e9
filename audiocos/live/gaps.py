"""Where sound is missing: found by the device's clock, and handed on as places, so that what follows keeps its time."""

from __future__ import annotations

import math

_LEARN = 16  # calls from which the clock's offset is taken
_DRIFT = 2e-4  # samples a sample: two clocks may differ by so much
_BEYOND_JITTER_S = 0.2
_BEGUN_ANEW_S = 1.0


class Gaps:
    """Places in a stream of samples where some are missing, from one thread to another. `note` never waits.

    Note a gap before the samples after it are written: who sees those samples then sees the gap, too.

    Args:
        capacity: gaps in flight.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._places, self._counts = [0] * capacity, [0] * capacity
        self._noted = 0  # moved by the writer only
        self._taken = 0  # moved by the reader only

    def note(self, place: int, count: int) -> bool:
        """Writer: `count` samples are missing before sample `place`; False when there is no room to say so."""
        if self._noted - self._taken == len(self._places):
            return False
        spot = self._noted % len(self._places)
        self._places[spot], self._counts[spot] = place, count
        self._noted += 1
        return True

    @property
    def next_place(self) -> int | None:
        """Reader: where the next one is; None: there is none."""
        return self._places[self._taken % len(self._places)] if self._taken < self._noted else None

    def take(self) -> int:
        """Reader: how many samples are missing at the next one, which is done with then."""
        count = self._counts[self._taken % len(self._places)]
        self._taken += 1
        return count


class DeviceClock:
    """Sizes what a device lost, by the times at which it says that its blocks were recorded.

    Sound that comes late leaves the clock ahead of the samples for a moment, sound that was lost for good. The times
    tremble by up to a period (JACK's are those of the call), and no sound that came may be taken for lost: a loss
    counts at once where it is beyond any jitter, and where the device speaks of one by the least that is missing over
    the next periods; by two clocks, the device's and this machine's; and in whole periods, where a device loses no
    other. What is taken for lost too much is taken off the next time.

    Args:
        sample_rate: Hz.
        period: samples that the device moves at a time; less is no loss.
        whole: whether losses are whole periods.
    """

    def __init__(self, sample_rate: int, period: int, *, whole: bool) -> None:
        self._rate, self._period, self._step = sample_rate, period, period if whole else 1
        self._beyond_jitter = max(_BEYOND_JITTER_S * sample_rate, 8 * period)
        self._samples = self._calls = 0
        self._device_offset = self._wall_offset = math.inf
        self._undecided = 0  # samples to go until the device's word is judged
        self._least = math.inf

    def lost(self, recorded_s: float, now_s: float, frames: int, *, told: bool) -> int:
        """Samples that are missing before a block.

        Args:
            recorded_s: when the block's first sample was recorded, by the device.
            now_s: by a clock of this machine that never jumps.
            frames: samples of the block.
            told: the device says that it lost some.
        """
        device, wall = (seconds * self._rate - self._samples for seconds in (recorded_s, now_s))
        self._samples += frames
        self._calls += 1
        if device < self._device_offset - _BEGUN_ANEW_S * self._rate:  # JACK's runs over once a day
            self._device_offset = device
        if self._calls <= _LEARN:
            self._device_offset, self._wall_offset = min(self._device_offset, device), min(self._wall_offset, wall)
            return 0
        missing = min(device - self._device_offset, wall - self._wall_offset)
        lost = self._judge(missing, frames, told)
        self._samples += lost
        # The middle of where each clock stands is followed, slowly: they are never quite equally fast.
        most = _DRIFT * frames
        self._device_offset += min(max(device - lost - self._device_offset, -most), most)
        self._wall_offset += min(max(wall - lost - self._wall_offset, -most), most)
        return lost

    def _judge(self, missing: float, frames: int, told: bool) -> int:
        if told and not self._undecided:
            self._undecided, self._least = 2 * max(self._period, frames), math.inf
        self._least = min(self._least, missing)
        if missing >= self._beyond_jitter:
            self._undecided, self._least = 0, missing
        elif not self._undecided:
            return 0
        else:
            self._undecided = max(self._undecided - frames, 0)
            if self._undecided:
                return 0
        lost = int((self._least + self._period / 8) // self._step) * self._step
        return lost if lost >= self._period else 0
