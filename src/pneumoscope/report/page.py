"""What all pages share: nothing is loaded, and nothing runs but our own script.

Pictures are data URIs; style and script are inline, allowed by their hash, and a Content-Security-Policy forbids all
else. So ``style`` attributes do nothing: use classes.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from string import Template

import pneumoscope
from pneumoscope.report.text import escape


def resource(name: str) -> str:
    """A text file of this room."""
    return files("pneumoscope.report").joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """Allow our style and script by what they say, data URIs as pictures, and nothing else."""
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_csp_hash(style)}'; script-src '{_csp_hash(script)}'"
    )


def data_uri(kind: str, data: bytes) -> str:
    """A picture of the MIME type ``kind`` as an address that holds it."""
    return f"data:{kind};base64,{b64encode(data).decode()}"


def document(title: str, body: str, *, script: str = "") -> str:
    """A whole page about films, in the style of ``document.css``.

    ``title`` is plain text. ``body`` and ``script`` are ours: what came from outside was escaped before.
    """
    return page_of(title, body, style=resource("document.css"), script=script)


def page_of(title: str, body: str, *, style: str, script: str = "") -> str:
    """A whole page in a ``style`` of its own; as ``document`` else."""
    return Template(resource("document.html")).substitute(
        policy=policy(style, script),
        style=style,
        script=script,
        title=escape(title),
        body=body,
        version=escape(pneumoscope.__version__),
    )


def _csp_hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
