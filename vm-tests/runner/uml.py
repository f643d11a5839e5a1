"""One node as a User-mode Linux process: its command line. Knows no verbs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .kernel import Kernel
from .network import cable, mac
from .process import Disks, MachineProcess, kernel_arguments, start_machine
from .story import Node

SHARED_MEMORY = Path("/dev/shm")


def boot_uml(node: Node, kernel: Kernel, disks: Disks, directory: Path) -> MachineProcess:
    """Starts the node's kernel; its disk and console log are in `directory` and outlast a reboot."""

    def command(agent: int, clock: int) -> list[str]:
        return [
            str(kernel.program),
            f"umid={node.name}",
            f"uml_dir={directory}",
            f"mem={node.memory_megabytes}M",
            f"ubd0={directory / 'disk.cow'},{disks.root}",
            f"ubd1r={disks.tools}",
            f"ubd2r={kernel.modules}",
            "root=/dev/ubda",
            "con=null",
            "con0=null,fd:1",
            f"ssl0=fd:{agent},fd:{agent}",
            f"ssl1=fd:{clock},fd:{clock}",
            f"vec0:transport=tap,ifname={cable(node)},mac={mac(node)},depth=64,gro=0",
            *kernel_arguments(node),
        ]

    return start_machine(command, directory, {**os.environ, "TMPDIR": str(memory_directory(node, directory))})


def memory_directory(node: Node, directory: Path) -> Path:
    """Where the node's memory is kept as a file: in memory, unless that is too small, as in many containers."""
    needed = node.memory_megabytes << 20
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > needed:
        return SHARED_MEMORY
    return directory
