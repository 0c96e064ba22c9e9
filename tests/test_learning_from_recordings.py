"""What real speech teaches: exactness for every sound, and nearly the bounds with few coefficients."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from audiocos import cosines
from audiocos.stream import Stream
from audiocos.training import bounds
from audiocos.training.corpus import gather
from audiocos.training.growth import white_snr_db
from audiocos.training.heard import Listening
from audiocos.training.listen import listen
from audiocos.training.plan import make_start, stages
from audiocos.training.run import Run
from audiocos.training.settings import TrainingConfig
from audiocos.training.sound import RecordedWindows, Sound, sound_of

SAMPLES = Path(__file__).parent.parent / "samples"
DEMO, VOICEMAIL = SAMPLES / "speech-demo.wav", SAMPLES / "speech-voicemail.wav"
HEARING = Listening(8000)


def files(*paths):
    return gather(paths, holdout=0).files


def learned(config, sound, windows=None):
    run = Run(make_start(config, sound, False), stages(config, sound, windows, False))
    while not run.done:
        run.advance()
    return run.parameters


def heard(path, framed):
    return listen(files(path), framed, HEARING).moment


# From the random start


@pytest.mark.parametrize("n", [16, 64])
@pytest.mark.parametrize("seed", range(2))
def test_speech_alone_teaches_the_pair_that_is_exact_for_every_sound(n, seed):
    config = TrainingConfig(frame=n, start="random", seed=seed)
    speech = files(DEMO, VOICEMAIL)
    sound = sound_of(listen(speech, config.framing(), HEARING).moment, config.framing())
    pair = learned(config, sound, RecordedWindows(speech, HEARING, n, seed, n))
    assert white_snr_db(pair) >= 200
    noise = np.random.default_rng(0).standard_normal((1, 50 * n))
    stream = Stream(pair, config.framing(), dtype=np.float64, device="cpu")
    out = np.concatenate([stream.feed(noise), stream.flush()], axis=1)[:, stream.latency :]
    assert 10 * np.log10(np.sum(noise**2) / np.sum((noise - out) ** 2)) >= 200


def test_windows_have_the_power_of_white_sound_and_are_loud():
    windows = RecordedWindows(files(DEMO), HEARING, 40, 7, 64)
    taper = np.exp(-0.5 * (np.arange(30) / 8) ** 2)
    drawn = windows.draw(taper, 5)
    assert drawn.shape == (30, 40)
    assert (drawn**2 * taper[:, None]).sum() == pytest.approx(taper.sum())
    assert np.array_equal(drawn, windows.draw(taper, 5))
    assert not np.array_equal(drawn, windows.draw(taper, 6))


def test_windows_leave_broken_recordings_out(tmp_path):
    broken = np.zeros(3000)
    broken[2000] = np.nan
    sf.write(tmp_path / "broken.wav", broken, 8000, subtype="FLOAT")
    alone = RecordedWindows(files(DEMO), HEARING, 8, 0, 32)
    among = RecordedWindows(files(DEMO, tmp_path / "broken.wav"), HEARING, 8, 0, 32)
    assert np.isfinite(among.draw(np.ones(32), 0)).all()
    assert np.linalg.norm(alone.draw(np.ones(32), 0)) == pytest.approx(np.linalg.norm(among.draw(np.ones(32), 0)))


def test_recordings_shorter_than_a_window_are_drawn_with_silence(tmp_path):
    sf.write(tmp_path / "short.wav", np.full(10, 0.5), 8000)
    drawn = RecordedWindows(files(tmp_path / "short.wav"), HEARING, 4, 0, 32).draw(np.ones(32), 0)
    assert drawn.shape == (32, 4) and np.isfinite(drawn).all()


# Few coefficients, judged on a file that was not learned from

TRAIN, HELD = DEMO, VOICEMAIL


def judged(config):
    framed = config.framing()
    train, held = heard(TRAIN, framed), heard(HELD, framed)
    sound, judge = sound_of(train, framed), Sound(framed, held.full())
    return judge.snr_db(learned(config, sound)), sound.second_moment, judge.second_moment, held


@pytest.mark.parametrize(("n", "m"), [(128, 16), (256, 64)])
def test_a_pair_with_phases_comes_near_the_klt(n, m):
    reached, own, other, _ = judged(TrainingConfig(frame=n, coefficients=m, phased=True))
    assert reached >= bounds.klt_db(own, other, n, m) - 0.2


@pytest.mark.parametrize("m", [16, 32])
def test_the_base_pair_is_above_the_best_rows_of_the_dct(m):
    reached, own, other, _ = judged(TrainingConfig(frame=128, coefficients=m))
    assert reached >= bounds.dct_db(own, other, 128, m, best=True) + 0.05


@pytest.mark.parametrize("m", [16, 32])
def test_a_lapped_pair_does_not_lose_what_the_mdct_has(m):
    config = TrainingConfig(frame=256, coefficients=m, kind="lapped")
    reached, own, other, held = judged(config)
    mdct = bounds.mdct_db(own, other, config.framing(), m, best=True)
    assert mdct - 0.05 <= reached <= bounds.dynamic_pca_db(held, 128, m) + 0.05


@pytest.mark.parametrize("optimizer", ["gauss-newton", "lbfgs"])
def test_learning_never_falls_behind_its_start(optimizer):
    config = TrainingConfig(frame=64, coefficients=12, optimizer=optimizer)
    sound = sound_of(heard(DEMO, config.framing()), config.framing())
    assert sound.snr_db(learned(config, sound)) > sound.snr_db(make_start(config, sound, False)) + 0.02


def test_a_run_goes_on_to_the_bit_where_its_state_was_taken():
    config = TrainingConfig(frame=16, start="random", seed=3)
    sound = sound_of(heard(VOICEMAIL, config.framing()), config.framing())

    def fresh():
        windows = RecordedWindows(files(VOICEMAIL), HEARING, 16, 3, 16)
        return Run(cosines.random(16, seed=3), stages(config, sound, windows, False))

    whole, states = fresh(), []
    while not whole.done:
        whole.advance()
        states.append(whole.state())
    for state in (states[4], states[len(states) // 2], states[-2]):
        rest = fresh()
        rest.load_state(state)
        while not rest.done:
            rest.advance()
        for name, value in whole.parameters.arrays().items():
            assert np.array_equal(value, rest.parameters.arrays()[name]), name
