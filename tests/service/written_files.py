"""Files as a power cut would leave them: only what an fsync had finished, everything written later is dropped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.service.strace import Call

Write = tuple[Literal["write", "cut"], int, bytes]


@dataclass(frozen=True)
class Cut:
    """The files as they are after some fsync, by name below the folder (None: gone), and who was told so before the next one."""

    files: Mapping[str, bytes | None]
    acknowledged: frozenset[str]


@dataclass
class _Disk:
    """What has been written to each file since its last fsync, and what the disk holds for certain."""

    before: Path
    durable: dict[str, bytearray | None] = field(default_factory=dict)
    pending: dict[str, list[Write]] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)

    def content(self, name: str) -> bytearray:
        found = self.durable.get(name)
        if found is None:
            path = self.before / name
            found = bytearray(path.read_bytes()) if name not in self.durable and path.is_file() else bytearray()
        return found

    def sync(self, name: str) -> None:
        content = self.content(name)
        for kind, place, data in self.pending.pop(name, []):
            if kind == "cut":
                del content[place:]
                content.extend(bytes(max(0, place - len(content))))
            else:
                content.extend(bytes(max(0, place - len(content))))
                content[place : place + len(data)] = data
        self.durable[name] = content

    def rename(self, old: str, new: str) -> None:
        self.durable[new] = self.content(old)
        self.durable[old] = None
        self.pending[new] = self.pending.pop(old, [])


def cuts(calls: Sequence[Call], folder: Path, trackers: set[str]) -> Iterator[Cut]:
    """The state after each fsync of a file below `folder` that succeeded. `trackers` are looked for in what was sent."""
    disk = _Disk(folder)
    told: set[str] = set()
    held: dict[str, bytes | None] | None = None
    for call in sorted(calls, key=lambda one: one.ended):
        if call.name == "sendto":
            told |= {one for one in trackers if one.encode() in call.data}
        name = _below(call.path, folder)
        if name is None or call.result < 0:
            _renamed(disk, call, folder)
            continue
        if call.name in ("fsync", "fdatasync"):
            if held is not None:
                yield Cut(held, frozenset(told))
            disk.sync(name)
            held = {one: None if found is None else bytes(found) for one, found in disk.durable.items()}
        else:
            _note(disk, call, name)
    if held is not None:
        yield Cut(held, frozenset(told))


def folder_at(cut: Cut, before: Path, target: Path) -> Path:
    """A copy of the folder as the cut leaves it."""
    shutil.copytree(before, target)
    for name, content in cut.files.items():
        path = target / name
        if content is None:
            path.unlink(missing_ok=True)
        elif not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return target


def _note(disk: _Disk, call: Call, name: str) -> None:
    if call.name == "pwrite64":
        disk.pending.setdefault(name, []).append(("write", call.last, call.data[: call.result]))
    elif call.name == "write":
        end = disk.ends.get(name, 0)
        disk.pending.setdefault(name, []).append(("write", end, call.data[: call.result]))
        disk.ends[name] = end + call.result
    elif call.name == "ftruncate":
        disk.pending.setdefault(name, []).append(("cut", call.last, b""))


def _renamed(disk: _Disk, call: Call, folder: Path) -> None:
    if call.name.startswith("rename") and call.result == 0:
        old, new = (_below(one.decode(), folder) for one in call.texts[:2])
        if old is not None and new is not None:
            disk.rename(old, new)


def _below(path: str, folder: Path) -> str | None:
    return path[len(str(folder)) + 1 :] if path.startswith(f"{folder}/") else None
