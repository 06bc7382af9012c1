"""Initial weights from timm's hub, served here by a local HTTP server in the hub's own protocol."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save

pytestmark = pytest.mark.train
COMMIT = "0123456789abcdef0123456789abcdef01234567"

BUILD = """
import sys, torch
from pneumoscope.core import RecipeError
from pneumoscope.training.networks import build_network
from pneumoscope.training.recipe import Network
try:
    network = build_network(Network(name="test_resnet", weights="someone/test_resnet"))
except RecipeError as error:
    raise SystemExit(f"refused: {error}")
print(network.backbone.state_dict()["conv1.0.weight"].sum().item())
"""


class Hub(BaseHTTPRequestHandler):
    """Answers for one file as the hub does; ``trouble`` says what goes wrong."""

    weights: bytes
    trouble: str

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        if not self.path.endswith("model.safetensors") or self.trouble == "missing":
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = self.weights
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data[: len(data) // 2] if self.trouble == "cut" else data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[type[Hub]]:
    network = timm.create_model("test_resnet", pretrained=False)
    handler = type("OneHub", (Hub,), {"weights": save(network.state_dict()), "trouble": "", "network": network})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    handler.endpoint = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    server.server_close()


def build(endpoint: str, home: Path) -> subprocess.CompletedProcess[str]:
    keep = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment = keep | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    return subprocess.run(
        [sys.executable, "-c", BUILD], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_weights_come_from_the_hub_and_are_summed_to_grey(hub: type[Hub], tmp_path: Path) -> None:
    done = build(hub.endpoint, tmp_path)  # type: ignore[attr-defined]
    assert done.returncode == 0, done.stderr
    expected = torch.sum(hub.network.state_dict()["conv1.0.weight"]).item()  # type: ignore[attr-defined]
    assert float(done.stdout) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("trouble", ["missing", "cut"])
def test_a_hub_in_trouble_is_a_clear_refusal(hub: type[Hub], tmp_path: Path, trouble: str) -> None:
    hub.trouble = trouble
    done = build(hub.endpoint, tmp_path)  # type: ignore[attr-defined]
    assert done.returncode == 1
    assert "refused: network.weights: someone/test_resnet cannot be had for test_resnet" in done.stderr
    assert "--weights" in done.stderr
