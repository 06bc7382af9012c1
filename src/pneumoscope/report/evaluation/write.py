"""The evaluation report as files."""

from __future__ import annotations

from pathlib import Path

from pneumoscope.core.files import atomic_write
from pneumoscope.report.base import writing_to
from pneumoscope.report.document_html import document_html
from pneumoscope.report.document_pdf import document_pdf
from pneumoscope.report.evaluation import words
from pneumoscope.report.evaluation.content import EvaluationReport
from pneumoscope.report.evaluation.sections import evaluation_document


def write_evaluation_page(report: EvaluationReport, path: Path) -> None:
    """Write the report as one self-contained HTML page.

    Raises
    ------
    PneumoscopeError : if it cannot be written.
    """
    page = document_html(evaluation_document(report))
    with writing_to(path), atomic_write(path) as file:
        file.write(page)


def write_evaluation_pdf(report: EvaluationReport, path: Path) -> None:
    """Write the report as a PDF of A4 pages, the same bytes for the same report.

    Raises
    ------
    PneumoscopeError : if it cannot be written.
    """
    about = report.measured
    head = f"{about.bundle} {about.version}, {about.precision}, sha256 {about.digest[:16]}"
    if words.warnings(report):
        head += "; mind the warnings on the first pages"  # a page may be shown by itself
    pdf = document_pdf(evaluation_document(report), head=head)
    with writing_to(path), atomic_write(path, "wb") as file:
        file.write(pdf)
