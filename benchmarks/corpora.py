"""The recordings that learning and detection are measured on: Debian packages, fetched and unpacked into a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = {"speech": "asterisk-core-sounds-en-wav", "music": "wesnoth-1.16-music", "drums": "sonic-pi-samples"}


class NoCorpus(LookupError):
    """A corpus cannot be had; the text says why and what to do."""


def default_folder() -> Path:
    """Where corpora are kept from run to run."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "audiocos" / "corpora"


def corpus(name: str, folder: Path) -> Path:
    """The folder of a corpus, fetched with apt-get and unpacked with dpkg when it is not there.

    Raises:
        NoCorpus: it is not there and cannot be fetched.
    """
    package = PACKAGES[name]
    unpacked = folder / package
    if unpacked.is_dir():
        return unpacked
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise NoCorpus(f"{package} comes from Debian and this system has no apt-get. Unpack it into {unpacked}.")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{package}.part"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        _run(["apt-get", "download", package], partial, f"Run `apt-get update`, or unpack it into {unpacked}.")
        (archive,) = partial.glob("*.deb")
        _run(["dpkg", "-x", archive.name, "content"], partial, "Is the disk full?")
        (partial / "content").rename(unpacked)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return unpacked


def _run(command: list[str], folder: Path, remedy: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()[-1]
        raise NoCorpus(f"{' '.join(command)} failed: {said} {remedy}")
