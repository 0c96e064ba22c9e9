"""Every error that audiocos raises on purpose. Each text names the thing and the remedy.

AudiocosError
├── AudioFileError      a file cannot be read or written
├── CorpusError         recordings to learn from cannot be gathered
├── TrainingError       learning went nowhere
├── InversionError      no signal can be looked for from this representation (also a ValueError)
├── SignalError         a synthetic signal cannot be made of these numbers (also a ValueError)
├── ModelError          a model folder cannot be found, read or used
├── CheckpointError     a training checkpoint cannot be written, read or carried on
├── RankError           another process of the same run has died
├── UnreadError         what reads our output takes nothing
├── UsageError          the command line asks for what cannot be (exit code 2)
├── DeviceError         cuda or mps was asked for and is not there
├── SoundDeviceError    a microphone or speakers cannot be had as asked for, or went away
├── OverloadError       the model could not keep up, and --on-overload fail says to stop then
├── FramingError        frame, hop and window cannot reconstruct (also a ValueError)
└── StreamError         a stream was fed what it cannot take (also a ValueError)
"""

from __future__ import annotations


class AudiocosError(Exception):
    """The base of them all: the text is one sentence or two for the person at the keyboard."""


class AudioFileError(AudiocosError):
    """An audio file cannot be read or written. The text begins with its name."""


class CorpusError(AudiocosError):
    """Recordings to learn from cannot be gathered: none there, too many unreadable, rates that differ."""


class TrainingError(AudiocosError):
    """Learning went nowhere: the numbers have run away."""


class InversionError(AudiocosError, ValueError):
    """What `invert` was given cannot be inverted; the text says why."""


class SignalError(AudiocosError, ValueError):
    """A synthetic signal cannot be made of these numbers; the text says why."""


class ModelError(AudiocosError):
    """A model folder cannot be found, read or used. The text begins with its name."""


class CheckpointError(AudiocosError):
    """A training checkpoint cannot be written, read or carried on. The text begins with its name."""


class RankError(AudiocosError):
    """Another process of the same run has died, and this one cannot go on alone."""


class UnreadError(AudiocosError):
    """What reads our output takes nothing, and is waited for no longer; a thread may still be writing to it."""


class UsageError(AudiocosError):
    """The command line asks for what cannot be; exit code 2."""


class DeviceError(AudiocosError):
    """The device asked for is not there."""


class SoundDeviceError(AudiocosError):
    """A microphone or speakers cannot be had as asked for, or went away in mid-run."""


class OverloadError(AudiocosError):
    """The model could not keep up with the sound, and was not to go on then."""


class FramingError(AudiocosError, ValueError):
    """Frame, hop and window cannot reconstruct; the text says why."""


class StreamError(AudiocosError, ValueError):
    """A stream was fed what it cannot take: wrong channels, dtype, shape, or after flush."""
