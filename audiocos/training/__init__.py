"""Learning a pair from recordings, or from noise."""
