"""Plots as SVG, written by hand so that they need no library and change only with their numbers."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Point = tuple[float, float]

_COLOURS = ("#1f6f8b", "#d1495b", "#66a182", "#edae49", "#5c4d7d")
_WIDTH = 760
_BAR_HEIGHT, _BAR_GAP, _LABEL_WIDTH = 20, 8, 290
_LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT = 80, 60, 480, 260
_TICKS = 4


def bars(path: Path, title: str, unit: str, values: Mapping[str, float]) -> None:
    """Draw a horizontal bar for each case.

    Args:
        path: Of the file.
        title: Over the plot.
        unit: Of the values.
        values: By case, in the order in which they are drawn.
    """
    longest = max(values.values(), default=0) or 1
    scale = (_WIDTH - _LABEL_WIDTH - 90) / longest
    parts = [_text(10, 20, title, weight="bold"), _text(10, 38, unit, colour="#555")]
    for index, (label, value) in enumerate(values.items()):
        y = _TOP + index * (_BAR_HEIGHT + _BAR_GAP)
        middle = y + _BAR_HEIGHT - 6
        parts += [
            _text(_LABEL_WIDTH - 8, middle, label, anchor="end"),
            (
                f'<rect x="{_LABEL_WIDTH}" y="{y}" width="{value * scale:.1f}" '
                f'height="{_BAR_HEIGHT}" fill="{_COLOURS[0]}"/>'
            ),
            _text(_LABEL_WIDTH + value * scale + 6, middle, _number(value)),
        ]
    _write(path, _TOP + len(values) * (_BAR_HEIGHT + _BAR_GAP), parts)


def lines(
    path: Path,
    title: str,
    axes: tuple[str, str],
    series: Mapping[str, Sequence[Point]],
    *,
    logarithmic: bool = False,
) -> None:
    """Draw a line with marks for each series.

    Args:
        path: Of the file.
        title: Over the plot.
        axes: What x and y are.
        series: Points by name.
        logarithmic: Whether both axes grow by factors of ten.
    """
    points = [point for each in series.values() for point in each]
    across, x_ticks = _axis([x for x, _ in points], _PLOT_WIDTH, logarithmic=logarithmic)
    up, y_ticks = _axis([y for _, y in points], _PLOT_HEIGHT, logarithmic=logarithmic)
    bottom = _TOP + _PLOT_HEIGHT
    parts = [_text(10, 20, title, weight="bold"), _text(10, 44, axes[1], colour="#555")]
    parts.append(_text(_LEFT + _PLOT_WIDTH / 2, bottom + 38, axes[0], anchor="middle"))
    for tick in x_ticks:
        x = _LEFT + across(tick)
        parts.append(_line(x, _TOP, x, bottom))
        parts.append(_text(x, bottom + 18, _number(tick), anchor="middle"))
    for tick in y_ticks:
        y = bottom - up(tick)
        parts.append(_line(_LEFT, y, _LEFT + _PLOT_WIDTH, y))
        parts.append(_text(_LEFT - 8, y + 4, _number(tick), anchor="end"))
    for index, (name, own) in enumerate(series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        places = [(_LEFT + across(x), bottom - up(y)) for x, y in own]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(_LEFT + _PLOT_WIDTH + 12, _TOP + 14 + 18 * index, name, colour=colour))
    _write(path, bottom + 50, parts)


def _axis(
    values: Sequence[float], length: float, *, logarithmic: bool
) -> tuple[Callable[[float], float], list[float]]:
    """Choose the ticks of an axis; return what places a value on it, and them."""
    if logarithmic:
        least = math.floor(math.log10(min(values)))
        most = max(math.ceil(math.log10(max(values))), least + 1)
        ticks = [10.0**power for power in range(least, most + 1)]
        return lambda value: (math.log10(value) - least) / (most - least) * length, ticks
    step = _round_step(max(values) / _TICKS)
    top = step * math.ceil(max(values) / step)
    return lambda value: value / top * length, [step * n for n in range(round(top / step) + 1)]


def _round_step(least: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least or 1))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= least)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - whole from there


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#ddd"/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#222", weight: str = ""
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{bold}>'
        f"{escape(text)}</text>"
    )


def _write(path: Path, height: float, parts: Sequence[str]) -> None:
    body = "\n".join(parts)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n',
        encoding="utf-8",
    )
