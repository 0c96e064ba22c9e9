"""The outside world: audio files and pipes."""
