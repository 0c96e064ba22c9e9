"""What the keys of the view do, and what it says to them."""

import numpy as np
import pytest
from monitored import Played, alarm, alarming, metered, recording, view_of, words

from audiocos.live.capture import Capture


def test_listening_keys_turn_the_session(chord):
    session = Played()
    view = view_of(chord, session)
    for key, what in (("r", "residual"), ("i", "input"), ("o", "output")):
        view.press(key)
        assert session.listen == what
        assert f"listening to the {what}" in "\n".join(words(view))
    view.press("x")
    assert not view.over
    view.press("q")
    assert view.over


def test_fewer_and_more_coefficients_go_in_steps_from_all_to_one_and_back(chord):
    session = Played()
    view = view_of(chord, session)
    down = []
    for _ in range(14):
        view.press("-")
        down.append(session.keep)
    assert down == [48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1, 1, 1, 1]
    up = []
    for key in ["+", "right", "up", "="] * 3:
        view.press(key)
        up.append(session.keep)
    assert up == [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, None, None]
    assert "all 64 coefficients" in "\n".join(words(view))


@pytest.mark.parametrize("key", ["-", "+", "left"])
def test_coefficients_stay_while_an_alarm_scores_by_them(chord, key):
    session = Played()
    view = view_of(chord, session, detector=alarming(alarm()))
    view.press(key)
    assert session.keep is None
    assert "an alarm scores by what all coefficients lose" in "\n".join(words(view))
    watching = view_of(chord, session, detector=alarming(alarm(threshold=None, below_db=20.0)))
    watching.press("-")
    assert session.keep == 48, "a plain SNR means the same for any number"


def test_freezing_stops_the_picture_and_not_the_meters():
    sound, rate = recording("speech-demo.wav", 3.0)
    meters = metered(sound, rate, "lapped-quarter")
    view = view_of(meters)
    view.press("f")
    before = words(view)
    assert "frozen" in before[0]
    meters.feed(sound, 0 * sound)
    assert words(view) == before
    view.press("f")
    after = words(view)
    assert after[1:12] != before[1:12] and "frozen" not in after[0]


def test_reset_begins_the_figures_anew():
    sound, rate = recording("speech-demo.wav", 3.0)
    meters = metered(sound, rate, "lapped-quarter")
    view = view_of(meters)
    view.press("s")
    assert meters.reading().snr_run_db is None
    assert "meters reset" in "\n".join(words(view))


def test_record_starts_and_stops_and_says_where(chord, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    capture = Capture(8000, 1, lambda: "output")
    view = view_of(chord, capture=capture)
    view.press("c")
    assert capture.running
    capture.feed(np.zeros((1, 8000)), np.zeros((1, 8000)))
    rows = words(view)
    assert "● rec 0:01" in rows[0]
    view.press("c")
    (made,) = tmp_path.iterdir()
    assert f"recorded 1.0 s: {made.name}" in "\n".join(words(view))
    view_of(chord).press("c")  # nothing to record with: no error


def test_a_recording_that_cannot_be_made_is_told(chord, tmp_path):
    (tmp_path / "file").write_text("")
    view = view_of(chord, capture=Capture(8000, 1, lambda: "output", folder=str(tmp_path / "file")))
    view.press("c")
    assert "cannot be made" in "\n".join(words(view, 200))
