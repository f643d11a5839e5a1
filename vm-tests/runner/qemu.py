"""One node as a machine that QEMU emulates in software: its command line. Knows no verbs.

Its clock source is the HPET, which QEMU makes of this machine's monotonic clock: so the node's raw clock is that clock
plus a constant, as in User-mode Linux, and true errors are told in the same way.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .kernel import Kernel
from .network import cable, mac
from .process import Disks, MachineProcess, kernel_arguments, start_machine
from .story import Node

PROGRAM = "qemu-system-x86_64"
# A whole kernel with its firmware needs more than User-mode Linux does.
LEAST_MEGABYTES = 384


def boot_qemu(node: Node, kernel: Kernel, disks: Disks, directory: Path) -> MachineProcess:
    """Starts the node's machine; its disk and console log are in `directory` and outlast a reboot."""
    overlay = directory / "disk.qcow2"
    if not overlay.exists():
        make = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disks.root), "-F", "raw", str(overlay)]
        subprocess.run(make, check=True)
    arguments = ["root=/dev/nvme0n1", "console=ttyS0", "clocksource=hpet", "mitigations=off", *kernel_arguments(node)]

    def command(agent: int, clock: int) -> list[str]:
        options = {
            "machine": ["q35"],
            "accel": ["tcg"],
            # rdrand, or the first boot waits for randomness.
            "cpu": ["qemu64,+rdrand"],
            "smp": ["1"],
            "m": [str(max(LEAST_MEGABYTES, node.memory_megabytes))],
            "kernel": [str(kernel.program)],
            "append": [" ".join(arguments)],
            "display": ["none"],
            "chardev": [
                f"file,id=console,path={directory / 'console.log'},append=on",
                f"socket,id=agent,fd={agent}",
                f"socket,id=clock,fd={clock}",
            ],
            "serial": ["chardev:console"],
            "drive": [
                # No lock: nobody writes to the image, and User-mode Linux locks the whole of it when it reads.
                f"if=none,id=root,format=qcow2,file={overlay},backing.file.locking=off",
                f"if=none,id=tools,format=raw,readonly=on,file={disks.tools}",
                f"if=none,id=modules,format=raw,readonly=on,file={kernel.modules}",
            ],
            "netdev": [f"tap,id=cable,ifname={cable(node)},script=no,downscript=no"],
            "device": [
                # One controller, for the kernel numbers the parts of one in order, and several as they come.
                "nvme,id=disks,serial=disks",
                *(f"nvme-ns,drive={drive},nsid={n}" for n, drive in enumerate(("root", "tools", "modules"), 1)),
                "virtio-serial-pci",
                "virtserialport,chardev=agent,name=agent",
                "virtserialport,chardev=clock,name=clock",
                f"virtio-net-pci,netdev=cable,mac={mac(node)},romfile=",
            ],
        }
        pairs = [part for name, values in options.items() for value in values for part in (f"-{name}", value)]
        return [PROGRAM, "-nodefaults", "-no-user-config", "-no-reboot", *pairs]

    return start_machine(command, directory, dict(os.environ))
