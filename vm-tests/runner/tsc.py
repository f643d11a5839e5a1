"""Reads the processor's time stamp counter, the one clock that a User-mode Linux node and its host share.

A node's programs run on the processor itself, so `rdtsc` is not the node's but the machine's. This file is
also copied to the nodes and uses nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable

# rdtsc; shl rdx, 32; or rax, rdx; ret
CODE = bytes.fromhex("0f31 48c1e220 4809d0 c3")


def counter() -> Callable[[], int]:
    """A function that reads the counter. For x86-64 only, as User-mode Linux is."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    start = ctypes.c_char.from_buffer(page)
    function = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(start))

    def read(_keep: object = start) -> int:
        """Holds on to the page: a function made from an address does not."""
        return int(function())

    return read
