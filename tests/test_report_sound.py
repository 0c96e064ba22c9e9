"""The players of a report, and the whole page in a real browser."""

import base64
import io
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from reportpages import MINUS, ODD, decoded, item, noise, written

from audiocos.report.sound import players


def test_players_hold_the_sound_and_state_the_gain(tmp_path):
    x = noise(2, 8000)
    page = written(tmp_path, item("a.wav", x, 0.99 * x))
    (heard_in, rate, _), (heard_out, _, _), (heard_residual, _, label) = page.sounds()
    assert rate == 8000
    np.testing.assert_allclose(heard_in.T, x, atol=2**-16)
    np.testing.assert_allclose(heard_out.T, 0.99 * x, atol=2**-16)
    gain_db = int(re.fullmatch(r"residual \(\+(\d+) dB\)", label)[1])
    np.testing.assert_allclose(heard_residual.T, 0.01 * x * 10 ** (gain_db / 20), atol=2**-16)
    assert -2.0 <= 20 * np.log10(np.abs(heard_residual).max()) <= -1.0 + 1e-3


def test_players_mix_resample_and_shorten_and_say_so():
    made, remark = players(noise(3, 96000), 0.5 * noise(3, 96000), 96000)
    assert remark == "the 3 channels mixed down to one, resampled to 48000 Hz"
    assert [p.label for p in made][:2] == ["input", "output"]
    long = noise(1, 8000 * 21)
    made, remark = players(long, long * 0.999, 8000)
    assert re.fullmatch(r"the first \d+\.\d s", remark)
    lengths = [soundfile.info(io.BytesIO(decoded(p.uri, "audio/flac"))).duration for p in made]
    assert len(set(lengths)) == 1 and 10 < lengths[0] <= 20
    assert sum(len(p.uri) for p in made) < 1.25e6


def test_sound_past_full_scale_is_turned_down_not_clipped():
    made, _ = players(np.array([[2.0, -1.0]]), np.array([[1.0, 4.0]]), 8000)
    assert [p.label for p in made] == [f"input ({MINUS}13 dB)", f"output ({MINUS}13 dB)", f"residual ({MINUS}15 dB)"]


COUNT = """<script>
addEventListener("load", async () => {
  const media = [...document.querySelectorAll("audio")].map(player => new Promise(done => {
    const end = () => done(player.error ? "error " + player.error.message : player.duration);
    if (player.readyState > 0 || player.error) end();
    player.addEventListener("loadedmetadata", end);
    player.addEventListener("error", end);
  }));
  const found = {sounds: await Promise.all(media),
    widths: [...document.images].map(image => image.complete ? image.naturalWidth : 0),
    table: [...document.querySelectorAll("tbody tr")].map(row => [...row.cells].map(cell => cell.innerText)),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    fetched: performance.getEntriesByType("resource").map(entry => entry.name).filter(n => !n.startsWith("data:"))};
  const answer = document.createElement("pre");
  answer.id = "found"; answer.textContent = btoa(JSON.stringify(found, (k, v) => v).replace(/[^ -~]/g, "?"));
  document.body.append(answer);
});
</script></body>"""


@pytest.mark.slow
def test_chromium_opens_the_page_and_decodes_every_sound(tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs chromium: apt-get install chromium")
        pytest.skip("chromium is not installed: apt-get install chromium")
    cases = {name: case for name, case in ODD.items() if name not in ("no sample", "not finite")}
    page = written(tmp_path, *(item(name, x, y, rate) for name, (x, y, rate) in cases.items()))
    copy = tmp_path / "copy.html"
    copy.write_text(page.source.replace("</body>", COUNT), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--proxy-server=127.0.0.1:9", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,900"]
    command += ["--virtual-time-budget=30000", "--dump-dom", copy.as_uri()]
    answer = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    encoded = re.search(r'<pre id="found">([^<]*)</pre>', answer.stdout)
    assert encoded, f"the page did not finish loading: {answer.stderr[-2000:]}"
    found = json.loads(base64.b64decode(encoded[1]))
    lengths = [max(0.1, x.shape[1] / rate) for x, y, rate in cases.values() for _ in range(2 + (x != y).any())]
    assert found["sounds"] == pytest.approx(lengths, rel=0.02)
    assert len(found["widths"]) == 3 * len(cases) - 1 and all(width > 500 for width in found["widths"])
    assert [row[0] for row in found["table"]] == list(cases)
    assert found["overflow"] <= 0
    assert found["fetched"] == []
