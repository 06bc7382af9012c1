"""What a run runs on: devices, processes, numbers' precision."""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from typing import Literal

import torch
from lightning.pytorch.strategies import DDPStrategy, Strategy
from lightning.pytorch.utilities import rank_zero_only

from pneumoscope.core import RunError
from pneumoscope.core.parallel import usable_cores
from pneumoscope.training.recipe import Optimisation

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt, as in its malloc.h."""

Precision = Literal["bf16-mixed", "16-mixed", "32-true"]


@dataclass(frozen=True)
class Hardware:
    """``devices`` on each of ``nodes`` machines, each with a process of its own."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: int = 1
    nodes: int = 1

    @property
    def processes(self) -> int:
        """All processes together."""
        return self.devices * self.nodes

    @property
    def rank(self) -> int:
        """This process's place among them, as torchrun, SLURM or Lightning tell it."""
        return int(rank_zero_only.rank or 0) if self.processes > 1 else 0  # type: ignore[attr-defined]

    def kind(self) -> Literal["cpu", "gpu", "mps"]:
        """What "auto" stands for here.

        Raises
        ------
        RunError : if the machine does not have what was asked for.
        """
        has = {"cpu": 2**31, "gpu": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
        kind = self.accelerator
        if kind == "auto":
            kind = "gpu" if has["gpu"] else "mps" if has["mps"] else "cpu"
        if has[kind] < self.devices:
            raise RunError(
                f"expected {self.devices} devices of the kind {kind}, found {has[kind]}; any machine has a cpu"
            )
        return kind

    def strategy(self, spec: Optimisation) -> Strategy | Literal["auto"]:
        """One process, or several that average their gradients; parts of the network that rest have none."""
        if self.processes == 1:
            return "auto"
        backend = "nccl" if self.kind() == "gpu" else "gloo"
        return DDPStrategy(process_group_backend=backend, find_unused_parameters=bool(spec.before) or spec.freeze_norm)

    def threads(self) -> int:
        """Threads of this process: those on one machine share its cores."""
        return max(1, usable_cores() // self.devices)


def keep_freed_memory() -> None:
    """Let glibc hand freed tensors' memory to the next ones, in place of giving it back to the system each time.

    Fetching it anew, page by page, costs a tenth of a training step on a CPU. Other C libraries are left alone.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 2**30)
        library.mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def precision_on(kind: str, spec: Optimisation) -> Precision:
    """The recipe's precision, or the quickest one that this hardware computes well."""
    if spec.precision != "auto":
        return spec.precision
    if kind == "gpu":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    quick = kind == "cpu" and any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16"))
    return "bf16-mixed" if quick else "32-true"
