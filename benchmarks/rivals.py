"""The other libraries, each as a function from a sound to its reconstruction at a given frame and hop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
import scipy.signal
import torch

from audiocos.cosines import CosineParameters
from audiocos.framing import Framing
from benchmarks.material import Sound

Contestant = Callable[[Sound], Sound]


def torch_stft(frame: int, hop: int) -> Contestant:
    window = torch.ones(frame) if hop == frame else torch.hann_window(frame)

    def run(x: Sound) -> Sound:
        spectrum = torch.stft(torch.from_numpy(x), frame, hop, window=window, return_complex=True)
        return torch.istft(spectrum, frame, hop, window=window, length=x.shape[1]).numpy()

    return run


def librosa_stft(frame: int, hop: int) -> Contestant:
    import librosa

    window = "boxcar" if hop == frame else "hann"

    def run(x: Sound) -> Sound:
        spectrum = librosa.stft(x, n_fft=frame, hop_length=hop, window=window)
        return librosa.istft(spectrum, hop_length=hop, n_fft=frame, window=window, length=x.shape[1])

    return run


def scipy_stft(frame: int, hop: int) -> Contestant:
    window = np.sin(np.pi * np.arange(frame) / frame).astype(np.float32)
    transform = scipy.signal.ShortTimeFFT(window, hop, fs=1.0)

    def run(x: Sound) -> Sound:
        return transform.istft(transform.stft(x), k1=x.shape[1])

    return run


def scipy_dct(frame: int, workers: int) -> Contestant:
    """DCT-III and DCT-II of the whole sound at once: the same pair as our exact block model."""

    def run(x: Sound) -> Sound:
        frames = _frames(x, frame)
        spectrum = scipy.fft.dct(frames, type=3, norm="ortho", workers=workers)
        y = scipy.fft.dct(spectrum, type=2, norm="ortho", overwrite_x=True, workers=workers)
        return y.reshape(x.shape[0], -1)[:, : x.shape[1]]

    return run


def torch_dct(frame: int) -> Contestant:
    import torch_dct as library

    def run(x: Sound) -> Sound:
        y = library.idct(library.dct(torch.from_numpy(_frames(x, frame)), norm="ortho"), norm="ortho")
        return y.reshape(x.shape[0], -1)[:, : x.shape[1]].numpy()

    return run


def nnaudio_stft(frame: int, hop: int) -> Contestant:
    from nnAudio.features import STFT

    layer = STFT(n_fft=frame, hop_length=hop, output_format="Complex", iSTFT=True, verbose=False)

    def run(x: Sound) -> Sound:
        with torch.inference_mode():
            spectrum = layer(torch.from_numpy(x))
            return layer.inverse(spectrum, onesided=True, length=x.shape[1]).numpy()

    return run


def asteroid(parameters: CosineParameters, framing: Framing) -> Contestant:
    """FreeFB encoder and decoder holding our banks, windows included: the same numbers, its way."""
    from asteroid_filterbanks import Decoder, Encoder, FreeFB

    size = {"n_filters": parameters.coefficients, "kernel_size": parameters.frame, "stride": framing.hop}
    analysis, synthesis = FreeFB(**size), FreeFB(**size)
    with torch.no_grad():
        analysis._filters[:, 0] = torch.from_numpy(parameters.analysis_matrix() * framing.analysis_window)
        synthesis._filters[:, 0] = torch.from_numpy(parameters.synthesis_matrix().T * framing.synthesis_window)
    encoder, decoder = Encoder(analysis, padding=parameters.frame - framing.hop), Decoder(synthesis)

    def run(x: Sound) -> Sound:
        rest = -x.shape[1] % framing.hop
        with torch.inference_mode():
            padded = torch.nn.functional.pad(torch.from_numpy(x), (0, rest))[:, None]
            y = decoder(encoder(padded))[:, 0]
            edge = parameters.frame - framing.hop
            return y[:, edge : edge + x.shape[1]].numpy()

    return run


def _frames(x: Sound, frame: int) -> Sound:
    rest = -x.shape[1] % frame
    padded = np.pad(x, ((0, 0), (0, rest))) if rest else np.ascontiguousarray(x)
    return padded.reshape(x.shape[0], -1, frame)
