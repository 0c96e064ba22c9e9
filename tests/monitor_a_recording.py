"""Show a recording as if it was monitored, in real time: run by tests in a pseudo-terminal."""

import sys
import threading
import time

from monitored import Played, recording

import audiocos
from audiocos.live.capture import Capture
from audiocos.live.keys import Keys
from audiocos.live.meters import Meters
from audiocos.live.view import show


def main(name, seconds, ending):
    sound, rate = recording(name, seconds)
    model = audiocos.load("lapped-quarter")
    reconstruction = model.reconstruct(sound)
    session = Played(rate, sound.shape[0], 0.0)
    meters = Meters(rate, sound.shape[0], model=model)
    capture = Capture(rate, sound.shape[0], lambda: session.listen)

    def play():
        began = time.monotonic()
        while session.time_s < seconds:
            start, stop = round(session.time_s * rate), min(sound.shape[1], round((time.monotonic() - began) * rate))
            for tap in (meters, capture):
                tap.feed(sound[:, start:stop], reconstruction[:, start:stop])
            session.time_s = stop / rate
            time.sleep(0.02)
        session.ended = True

    threading.Thread(target=play, daemon=True).start()
    if ending == "fails":
        original = Keys.read

        def read(self, timeout_s):
            if session.time_s > 1.0:
                raise RuntimeError("on purpose")
            return original(self, timeout_s)

        Keys.read = read
    show(session, meters, model=model, source=name, capture=capture, file=sys.stdout)
    capture.stop()
    when = "at its end" if session.ended else "before its end"
    print(f"over, {when}; listening to {session.listen}, keep {session.keep}")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
