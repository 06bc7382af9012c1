"""What is wrong with a manifest's films, what it means, and what can be done about it."""

from pneumoscope.data.audit.checks import CHECKS, audit
from pneumoscope.data.audit.clean import Change, clean, remedies
from pneumoscope.data.audit.model import Action, Audit, AuditFinding, Figure, Severity, read_audit, write_audit

__all__ = [
    "CHECKS",
    "Action",
    "Audit",
    "AuditFinding",
    "Change",
    "Figure",
    "Severity",
    "audit",
    "clean",
    "read_audit",
    "remedies",
    "write_audit",
]
