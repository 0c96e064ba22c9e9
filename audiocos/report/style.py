"""How pictures look, and how they become PNG files: matplotlib's Figure alone, no pyplot state, no window.

Lines and letters have middle tones on a transparent ground, so one picture reads on a light and on a dark page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from audiocos.errors import AudiocosError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LETTERS = "#7a7f87"
INPUT = "#4a86d8"
OUTPUT = "#3f9e6b"
RESIDUAL = "#e2662b"
MARK = "#d03a3a"


def require_extra() -> None:
    """Refuse, with the remedy, where matplotlib, pillow or jinja2 is missing.

    Raises:
        AudiocosError: one of them cannot be imported.
    """
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import PIL  # noqa: F401
    except ImportError as error:
        raise AudiocosError('The report needs matplotlib, pillow and jinja2: pip install "audiocos[report]"') from error


def finish(axes: Any, title: str, x_label: str, y_label: str) -> None:
    """Give an axis its texts and the tones that read on light and dark ground."""
    axes.set_title(title, color=LETTERS, fontsize=9, loc="left")
    axes.set_xlabel(x_label, color=LETTERS, fontsize=9)
    axes.set_ylabel(y_label, color=LETTERS, fontsize=9)
    axes.tick_params(which="both", colors=LETTERS, labelsize=8)
    axes.grid(True, color=LETTERS, alpha=0.25, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LETTERS)


def legend(axes: Any) -> None:
    """Put a one-line legend above the right end of an axis, where no curve is."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, labelcolor=LETTERS, fontsize=8)


def mark(axes: Any, stretches: Sequence[tuple[float, float]], *, shaded: bool = True, label: str = "") -> None:
    """Mark stretches of a time axis: a strip along its upper edge, below it a shade or lines where it begins and ends.

    Args:
        axes: whose limits in time are set.
        stretches: (begin, end), in the axis's units; what lies outside is left out.
        shaded: on a picture that fills the axis a shade would change its colours: lines instead.
        label: for the legend.
    """
    low, high = axes.get_xlim()
    spans = [(max(begin, low), min(end, high)) for begin, end in stretches if end > low and begin < high]
    if not spans:
        return
    across = [(begin, end - begin) for begin, end in spans]
    where = {"transform": axes.get_xaxis_transform(), "color": MARK}
    axes.broken_barh(across, (1.0, 0.035), clip_on=False, linewidth=0.8, **where)
    if shaded:
        axes.broken_barh(across, (0.0, 1.0), alpha=0.16, linewidth=0, label=label or None, zorder=0, **where)
    else:
        edges = sorted({edge for span in spans for edge in span if low < edge < high})
        axes.vlines(edges, 0.0, 1.0, linestyles="dotted", linewidth=1.2, **where | {"color": "white"})
    axes.set_xlim(low, high)


def png(figure: Figure) -> bytes:
    """A figure as a PNG file on a transparent ground."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120, transparent=True)
    return file.getvalue()


def png_uri(figure: Figure) -> str:
    """A figure as a `data:` URI."""
    return "data:image/png;base64," + base64.b64encode(png(figure)).decode("ascii")
