"""
Instants that no signal from outside can hit: a process whose fuse is lit kills itself there, with SIGKILL.

The driver lights fuses, and says how many deeds may be done so far, through a small file that all processes
have mapped into their memory.
"""

import mmap
import os
import random
import signal
import struct
from enum import IntEnum
from pathlib import Path

_GATE = struct.Struct("Q")


class Fuse(IntEnum):
    """Where a process dies: at one of the next times it passes there."""

    BEFORE_STATEMENT = 1
    AFTER_STATEMENT = 2
    CLAIMED = 3  # right after one UPDATE that took many messages
    PREPARING = 4  # while a mail is made
    ROUTING = 5  # while an email class names its recipients
    COMMITTED = 6  # after a commit, before its wake-up


_PASSES = {Fuse.BEFORE_STATEMENT: 60, Fuse.AFTER_STATEMENT: 60, Fuse.PREPARING: 30, Fuse.ROUTING: 20}
"""A process survives up to so many passes; the others kill at once."""


class FuseBox:
    """The file: how many deeds may be done, and one byte for each process."""

    def __init__(self, path: Path, slots: int = 0) -> None:
        if slots:
            path.write_bytes(bytes(_GATE.size + slots))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    @property
    def gate(self) -> int:
        return int(_GATE.unpack_from(self._memory)[0])

    @gate.setter
    def gate(self, deeds: int) -> None:
        _GATE.pack_into(self._memory, 0, deeds)

    def light(self, slot: int, fuse: Fuse) -> None:
        self._memory[_GATE.size + slot] = fuse

    def quench(self, slot: int) -> None:
        self._memory[_GATE.size + slot] = 0

    def lit(self, slot: int) -> int:
        return self._memory[_GATE.size + slot]


_box: FuseBox | None = None
_slot = 0
_passes: dict[Fuse, int] = {}


def install(box: FuseBox, slot: int) -> None:
    """In the process that is to obey."""
    global _box, _slot
    _box, _slot = box, slot


def passing(*fuses: Fuse) -> None:
    """The process passes here, and perhaps no further."""
    if _box is None or not (lit := _box.lit(_slot)) or lit not in fuses:
        return
    fuse = Fuse(lit)
    left = _passes.setdefault(fuse, random.randrange(_PASSES.get(fuse, 1)))
    _passes[fuse] = left - 1
    if left <= 0:
        _box.quench(_slot)
        os.kill(os.getpid(), signal.SIGKILL)


def deeds_allowed() -> int | None:
    return None if _box is None else _box.gate
