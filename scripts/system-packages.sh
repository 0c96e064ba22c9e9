#!/usr/bin/env bash
# Install the named Debian packages that are missing: scripts/system-packages.sh libportaudio2 ffmpeg ...
#
# Whether one is missing is told by what it provides, so that a machine which has it from elsewhere is left alone.
# Only root on a machine with apt-get installs anything; everyone else is told what is missing and goes on without,
# except in CI (CI=true), where a missing package is an error.
set -euo pipefail

have() {
    case $1 in
        python3) command -v "${PYTHON:-python3}" ;;
        python3-venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' ;;
        # On macOS and Windows the Python package sounddevice brings PortAudio along.
        libportaudio2) [ "$(uname)" != Linux ] || (PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep libportaudio) ;;
        chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
        jackd2) [ "$(uname)" != Linux ] || command -v jackd ;;
        *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

list_missing() {
    missing=()
    for package in "$@"; do
        have "$package" || missing+=("$package")
    done
}

list_missing "$@"
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing system packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
    fi
    rm -f "$log"
    list_missing "$@"
    [ ${#missing[@]} -gt 0 ] || exit 0
fi

echo "Missing on this machine, by the names of the Debian packages: ${missing[*]}" >&2
if [ "${CI:-}" = true ]; then
    exit 1
fi
echo "Going on without; on Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
