"""Repeatable randomness for tests, and generators that fail."""

from __future__ import annotations

from hashlib import shake_256

from veche.crypto.scalar import Randomness


def drawing(seed: str) -> Randomness:
    """Give another stretch of one fixed stream at every call, so that a failing test fails again."""
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return shake_256(f"{seed}|{drawn}".encode()).digest(size)

    return draw


def only_zeros(size: int) -> bytes:
    """A generator that broke."""
    return bytes(size)


def always(byte: int) -> Randomness:
    """A generator that broke and repeats one byte."""
    return lambda size: bytes([byte]) * size
