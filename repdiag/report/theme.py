"""Colours, once: the stylesheet and the figures both take them from here.

Lines use the Okabe-Ito set (told apart with every common colour blindness) up to seven of them,
viridis beyond, since layers and checkpoints have an order.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "bg": "#faf9f6",
    "surface": "#ffffff",
    "sunken": "#f3f2ed",
    "ink": "#1b1f27",
    "muted": "#5b6270",
    "line": "#e3e1da",
    "accent": "#00609c",
    "pass": "#00705a",
    "pass-bg": "#e6f4ef",
    "fail": "#b03a08",
    "fail-bg": "#fdeee6",
    "warn": "#835500",
    "warn-bg": "#fdf4dd",
    "bar": "#9cc3dd",
}
DARK: Mapping[str, str] = {
    "bg": "#101217",
    "surface": "#171a21",
    "sunken": "#1e222b",
    "ink": "#e9eaee",
    "muted": "#a0a7b4",
    "line": "#2c313c",
    "accent": "#7cc0f2",
    "pass": "#52cfa9",
    "pass-bg": "#12271f",
    "fail": "#ff9466",
    "fail-bg": "#2e1a12",
    "warn": "#f2bf5a",
    "warn-bg": "#2a2212",
    "bar": "#35617f",
}
LINES_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#c98a00", "#4aa3d8", "#5b6270")
LINES_DARK = ("#62b4ee", "#ff8a4c", "#35c79a", "#e39ac2", "#e9b53a", "#8fd0f7", "#a0a7b4")
VIRIDIS = ("#440154", "#482878", "#3e4a89", "#31688e", "#26838e", "#1f9e89", "#35b779", "#6dcd59", "#b4de2c")
"""Even steps of viridis up to 0.9; the last yellow is too pale on white."""


def stylesheet() -> str:
    """The colours as custom properties: the system's theme, or the one chosen by the toggle."""
    dark = _properties(DARK, LINES_DARK)
    return (
        f":root {{ color-scheme: light; {_properties(LIGHT, LINES_LIGHT)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{\n"
        f"  :root:not([data-theme='light']) {{ color-scheme: dark; {dark} }}\n}}\n"
        f"@media screen {{\n  :root[data-theme='dark'] {{ color-scheme: dark; {dark} }}\n}}\n"
    )


def for_figures() -> dict[str, dict[str, object]]:
    """The colours for the page's script, by theme."""
    return {
        "light": {**LIGHT, "lines": LINES_LIGHT, "sequence": VIRIDIS},
        "dark": {**DARK, "lines": LINES_DARK, "sequence": (*VIRIDIS[3:], "#fde725")},
    }


def _properties(colours: Mapping[str, str], lines: tuple[str, ...]) -> str:
    named = [f"--{name}: {value};" for name, value in colours.items()]
    return " ".join(named + [f"--s{index}: {value};" for index, value in enumerate(lines)])
