"""A curve as a PNG, drawn point by point: no plotting library is worth its weight for one figure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 960, 480
LEFT, RIGHT, TOP, BOTTOM = 96, 24, 40, 56
INK, GRID, CURVE, PAPER = (40, 40, 40), (225, 225, 225), (20, 110, 90), (255, 255, 255)
SCALE = 2

# Letters of five rows with three points each, a row as an octal digit.
GLYPHS = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711", "5": "74717", "6": "74757", "7": "71222",
    "8": "75757", "9": "75717", ".": "00002", "-": "00700", "+": "02720", " ": "00000", "a": "25755", "b": "65656",
    "c": "34443", "d": "65556", "e": "74647", "f": "74644", "g": "34553", "h": "55755", "i": "72227", "j": "11152",
    "k": "55655", "l": "44447", "m": "57755", "n": "65555", "o": "25552", "p": "65644", "q": "25573", "r": "65655",
    "s": "34216", "t": "72222", "u": "55557", "v": "55552", "w": "55775", "x": "55255", "y": "55222", "z": "71247",
    "/": "11244",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The ranges of both axes, and where in the picture they are."""

    low: tuple[float, float]
    high: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[int, int]:
        """Return the column and row of a point."""
        across = (x - self.low[0]) / (self.high[0] - self.low[0])
        up = (y - self.low[1]) / (self.high[1] - self.low[1])
        return round(LEFT + across * (WIDTH - LEFT - RIGHT)), round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))


def curve_png(xs: Sequence[float], ys: Sequence[float], *, x_name: str, y_name: str) -> bytes:
    """Return a picture of 960 by 480 points with one curve, its axes and their ranges.

    Raises ``ValueError`` where there is no point, or not one ``y`` for every ``x``.
    """
    if not xs or len(xs) != len(ys):
        raise ValueError(f"{len(xs)} values of {x_name} and {len(ys)} of {y_name}, expected as many, and one at least")
    frame = Frame(low=(min(xs), min(ys)), high=(_above(min(xs), max(xs)), _above(min(ys), max(ys))))
    pixels = np.full((HEIGHT, WIDTH, 3), PAPER, dtype=np.uint8)
    _axes(pixels, frame, x_name, y_name)
    places = [frame.place(x, y) for x, y in zip(xs, ys, strict=True)]
    for start, end in zip(places, places[1:] or places, strict=False):
        _line(pixels, start, end, CURVE, thick=2)
    return png(pixels)


def png(pixels: Pixels) -> bytes:
    """Return 8-bit RGB pixels as a PNG file (W3C, PNG third edition): no filter, one compressed block."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _above(low: float, high: float) -> float:
    return high if high > low else low + 1


def _axes(pixels: Pixels, frame: Frame, x_name: str, y_name: str) -> None:
    for part in range(5):
        x = frame.low[0] + part / 4 * (frame.high[0] - frame.low[0])
        y = frame.low[1] + part / 4 * (frame.high[1] - frame.low[1])
        column, row = frame.place(x, y)
        _line(pixels, (column, TOP), (column, HEIGHT - BOTTOM), GRID)
        _line(pixels, (LEFT, row), (WIDTH - RIGHT, row), GRID)
        _text(pixels, f"{x:.4g}", column - 12, HEIGHT - BOTTOM + 10)
        _text(pixels, f"{y:.4g}", 12, row - 5)
    _text(pixels, y_name, LEFT, 14)
    _text(pixels, x_name, WIDTH // 2, HEIGHT - 20)


def _line(
    pixels: Pixels, start: tuple[int, int], end: tuple[int, int], color: tuple[int, int, int], thick: int = 1
) -> None:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    columns = np.linspace(start[0], end[0], steps + 1).round().astype(int)
    rows = np.linspace(start[1], end[1], steps + 1).round().astype(int)
    for right in range(thick):
        for down in range(thick):
            pixels[np.clip(rows + down, 0, HEIGHT - 1), np.clip(columns + right, 0, WIDTH - 1)] = color


def _text(pixels: Pixels, text: str, column: int, row: int) -> None:
    """Draw small letters; one that has no shape is left blank."""
    for letter in text.lower():
        for down, bits in enumerate(GLYPHS.get(letter, GLYPHS[" "])):
            for across in range(3):
                if int(bits, 8) >> (2 - across) & 1:
                    y, x = row + down * SCALE, column + across * SCALE
                    pixels[y : y + SCALE, x : x + SCALE] = INK
        column += 4 * SCALE
