"""A wrong recipe is refused before anything slow is imported, with what to do."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

ROOT = Path(__file__).parents[3]
RUN = """
import sys
from pneumoscope.cli import main
try:
    main(sys.argv[1:])
finally:
    print("slow:", *sorted({"torch", "timm", "lightning", "sklearn", "matplotlib"} & set(sys.modules)), file=sys.stderr)
"""
AT_ONCE = "slow:\n"


def train(*words: str, hub: str = "http://127.0.0.1:9", home: Path) -> subprocess.CompletedProcess[str]:
    keep = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        [
            sys.executable,
            "-c",
            RUN,
            "train",
            *words,
            "--data",
            str(ROOT / "demo" / "films"),
            "--out",
            str(home / "run"),
        ],
        env=keep | {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no-such-recipe"], "expected a TOML file or one of the recipes children, cnn-baseline"),
        (["cnn-deep", "--set", "optimisation.epoch=3"], "unknown field `epoch`"),
        (["cnn-deep", "--set", "optimisation.optimiser=lion"], "Invalid enum value 'lion'"),
        (["cnn-deep", "--set", "epochs"], "expected KEY=VALUE"),
        (["cnn-deep", "--set", "network.weights=timm/densenet121.ra_in1k"], "write 'none'"),
        (["cnn-deep", "--set", "data.exclusive=true"], "expected at least two labels"),
        (["densenet121", "--set", "network.weights=none"], "--set 'optimisation.before=[]'"),
        (["densenet121", "--set", "input.size=128"], "train_size: expected at most size"),
        (["densenet121"], "start from random weights with --set network.weights=none"),
        (["densenet121", "--weights", str(ROOT / "README.md")], "Expected a safetensors file"),
        (["densenet121", "--weights", str(ROOT / "docs")], "the folder of a complete run"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once_and_with_the_remedy(
    tmp_path: Path, words: list[str], says: str
) -> None:
    done = train(*words, home=tmp_path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stderr.endswith(AT_ONCE)
    assert not (tmp_path / "run").exists()


class Silent(BaseHTTPRequestHandler):
    """A hub that has the file, or has not."""

    status = 404

    def do_HEAD(self) -> None:
        self.send_response(self.status)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[404, 200])
def hub(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    handler = type("Handler", (Silent,), {"status": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", request.param
    server.shutdown()
    server.server_close()


def test_the_hub_is_asked_before_training_begins(hub: tuple[str, int], tmp_path: Path) -> None:
    """Where it has the file the command goes on, here until the file turns out to be empty."""
    done = train("densenet121", hub=hub[0], home=tmp_path)
    assert done.returncode == 2
    assert "timm/densenet121.ra_in1k cannot be had" in done.stderr
    assert done.stderr.endswith(AT_ONCE) == (hub[1] == 404)
