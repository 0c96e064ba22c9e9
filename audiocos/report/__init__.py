"""Pictures and one self-contained HTML page that shows what a model keeps and what it loses.

Needs the extra `audiocos[report]`; `require_extra` says so before any work is done.
"""

from __future__ import annotations

from audiocos.report.page import ErrorCurve, Excerpt, Listing, ReportItem, write_report
from audiocos.report.style import require_extra

__all__ = ["ErrorCurve", "Excerpt", "Listing", "ReportItem", "require_extra", "write_report"]
