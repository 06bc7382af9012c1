"""Readings written for people and programs: tables, heat-map pictures, and a page to look through.

A format is a class that fits ``Report`` (see ``base``): worker threads render one film each, the main thread adds
them in input order, and the file takes its name when it is whole. A new table format is its class and one
line in ``TABLES``.
"""

from pneumoscope.report.base import Report
from pneumoscope.report.console import format_table, table_head, table_row
from pneumoscope.report.heatmaps import HeatmapReport
from pneumoscope.report.html import HtmlReport, ReportAbout
from pneumoscope.report.overlay import colourise, heatmap_png, overlay
from pneumoscope.report.table import (
    CSV_COLUMNS,
    TABLES,
    CsvReport,
    FailureRow,
    JsonlReport,
    ReadingRow,
    open_table,
    unguarded,
)

__all__ = [
    "CSV_COLUMNS",
    "TABLES",
    "CsvReport",
    "FailureRow",
    "HeatmapReport",
    "HtmlReport",
    "JsonlReport",
    "ReadingRow",
    "Report",
    "ReportAbout",
    "colourise",
    "format_table",
    "heatmap_png",
    "open_table",
    "overlay",
    "table_head",
    "table_row",
    "unguarded",
]
