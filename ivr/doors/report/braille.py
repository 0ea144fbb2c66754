"""A curve drawn with braille characters: two by four dots in each, so that 56 columns hold 112 instants."""

from __future__ import annotations

from collections.abc import Sequence

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # by column, then row from the top: Unicode 2800
EMPTY = 0x2800


class Canvas:
    """Dots on a grid of `columns` by `rows` characters; (0, 0) is the lower left dot."""

    def __init__(self, columns: int, rows: int) -> None:
        self.wide, self.high = 2 * columns, 4 * rows
        self._cells = [[EMPTY] * columns for _ in range(rows)]

    def dot(self, across: int, up: int) -> None:
        """The dot is set, if it is on the grid."""
        if 0 <= across < self.wide and 0 <= up < self.high:
            down = self.high - 1 - up
            self._cells[down // 4][across // 2] |= DOTS[across % 2][down % 4]

    def lines(self) -> list[str]:
        """The grid, from the top."""
        return ["".join(map(chr, row)) for row in self._cells]


def curve(
    at: Sequence[float], values: Sequence[float], edges: tuple[Sequence[float], Sequence[float]], size: tuple[int, int]
) -> list[str]:
    """`values` over `at` (both 0…1) as a line, its band's `edges` as dots at every third place.

    size: columns and rows of characters.
    """
    canvas = Canvas(*size)
    before: int | None = None
    for across in range(canvas.wide):
        where = across / (canvas.wide - 1)
        if where > at[-1] + 1e-9:
            break
        level = _level(canvas, at, values, where)
        for up in range(min(level, level if before is None else before), max(level, before or level) + 1):
            canvas.dot(across, up)
        before = level
        if across % 3 == 0:
            for edge in edges:
                canvas.dot(across, _level(canvas, at, edge, where))
    return canvas.lines()


def _level(canvas: Canvas, at: Sequence[float], values: Sequence[float], where: float) -> int:
    """The height of the polyline through the points at `where`, in dots."""
    after = next((i for i, x in enumerate(at) if x >= where), len(at) - 1)
    before = max(after - 1, 0)
    gap = at[after] - at[before]
    part = 1.0 if gap <= 0 else min(max((where - at[before]) / gap, 0.0), 1.0)
    return round((values[before] + part * (values[after] - values[before])) * (canvas.high - 1))
