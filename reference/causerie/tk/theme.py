"""ttk's styles made from a look, and what the system prefers: light or dark, how fine its screen is, its emoji.

In here: everything that depends on the system beside Tk. Each question has a short limit, and no answer means light,
fine as it is, safe.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tkinter as tk
from dataclasses import replace
from tkinter import ttk
from typing import Any, Final

from causerie.tk.look import DARK, LIGHT, Look

LIMIT: Final = 2.0
"""Seconds that the system may take for an answer."""
_PROBE: Final = (
    "import tkinter as t; r=t.Tk(); r.withdraw(); c=t.Canvas(r); c.pack(); c.create_text(9,9,text='\\U0001f600');"
    "r.deiconify(); r.geometry('1x1+0+0'); r.update(); r.destroy()"
)


def prefers_dark() -> bool:
    """Does the system want dark windows? False where it cannot be known."""
    if sys.platform == "win32":
        return _windows_is_dark()
    if sys.platform == "darwin":
        return _said(["defaults", "read", "-g", "AppleInterfaceStyle"]).strip() == "Dark"
    if "dark" in os.environ.get("GTK_THEME", "").lower():
        return True
    return "dark" in _said(["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"])


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _windows_is_dark() -> bool:
    if sys.platform != "win32":
        return False
    import winreg  # noqa: PLC0415  # Windows alone has it

    try:
        path = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
            return bool(winreg.QueryValueEx(key, "AppsUseLightTheme")[0] == 0)
    except OSError:
        return False


def be_sharp() -> None:
    """Before the first window: tell Windows that this program knows about fine screens."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows alone needs it

        with contextlib.suppress(AttributeError, OSError):
            ctypes.windll.shcore.SetProcessDpiAwareness(1)


def emoji_safe() -> bool:
    """Does drawing an emoji leave a program alive here? Tried in another process: old libXft kills who tries."""
    if sys.platform != "linux":
        return True
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], timeout=10.0, check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return True
    return done.returncode >= 0  # below 0: a signal ended it


def density(root: tk.Misc) -> float:
    """How fine the screen is: 2 at 192 pixels an inch. Tk counts fonts in points, and so they grow by themselves."""
    return max(1.0, round(root.winfo_fpixels("1i") / 96, 2))


def look_for(theme: str, zoom: float, *, emoji: bool, density: float = 1.0) -> Look:
    """The look of that theme (system, light, dark) at that zoom, on a screen so fine."""
    dark = theme == "dark" or (theme == "system" and prefers_dark())
    return replace((DARK if dark else LIGHT).zoomed(zoom), emoji_safe=emoji, density=density)


def apply(root: tk.Misc, look: Look) -> None:
    """Make ttk's widgets, and Tk's fonts, look so."""
    style = ttk.Style(root)
    style.theme_use("clam")
    text: Any = ("TkDefaultFont", look.points())
    for name in ("TkDefaultFont", "TkTextFont", "TkMenuFont"):
        with contextlib.suppress(tk.TclError):
            root.tk.call("font", "configure", name, "-size", look.points())
    style.configure(
        ".",
        background=look.panel,
        foreground=look.text,
        fieldbackground=look.field,
        bordercolor=look.field,
        lightcolor=look.panel,
        darkcolor=look.panel,
        troughcolor=look.panel,
        focuscolor=look.accent,
        insertcolor=look.text,
        selectbackground=look.selection,
        selectforeground=look.text,
        font=text,
    )
    pad = look.pixels(6)
    style.configure("TButton", background=look.field, padding=(pad * 2, pad), borderwidth=1, bordercolor=look.muted)
    style.map(
        "TButton",
        background=[("disabled", look.panel), ("active", look.chosen), ("pressed", look.chosen)],
        foreground=[("disabled", look.muted)],
        bordercolor=[("focus", look.accent)],
    )
    style.configure("Accent.TButton", background=look.accent, foreground=look.on_accent, bordercolor=look.accent)
    style.map(
        "Accent.TButton",
        background=[("disabled", look.field), ("active", look.accent)],
        foreground=[("disabled", look.muted)],
        bordercolor=[("focus", look.text)],
    )
    style.configure("Flat.TButton", background=look.panel, borderwidth=1, bordercolor=look.panel, padding=pad)
    style.map("Flat.TButton", background=[("active", look.chosen)], bordercolor=[("focus", look.accent)])
    style.configure("TEntry", padding=pad, bordercolor=look.muted)
    style.map("TEntry", bordercolor=[("focus", look.accent)])
    style.configure("TCheckbutton", background=look.panel, indicatorbackground=look.field)
    style.map("TCheckbutton", background=[("active", look.panel)], indicatorbackground=[("selected", look.accent)])
    style.configure("Muted.TLabel", foreground=look.muted)
    style.configure("Error.TLabel", foreground=look.failed)
    style.configure("Title.TLabel", font=("TkDefaultFont", look.points(3), "bold"))
    style.configure("Big.TLabel", font=("TkDefaultFont", look.points(9), "bold"), foreground=look.accent)
    style.configure("Banner.TFrame", background=look.divider)
    style.configure("Banner.TLabel", background=look.divider, foreground=look.text)
    style.configure(
        "TScrollbar", background=look.field, troughcolor=look.background, arrowcolor=look.muted, borderwidth=0
    )
    style.map("TScrollbar", background=[("active", look.muted), ("disabled", look.background)])
    root.option_add("*Menu.background", look.panel)
    root.option_add("*Menu.foreground", look.text)
    root.option_add("*Menu.activeBackground", look.chosen)
    root.option_add("*Menu.activeForeground", look.text)
