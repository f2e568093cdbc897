"""The demo's own folder: what lies where, and whose files may be replaced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repdiag.errors import OutputError, UsageError
from repdiag.files import write_file
from repdiag.text import printable

MARKER = ".repdiag-demo"


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Every file of one training run."""

    checkpoints: Path
    store: Path
    report: Path
    information: Path
    plane: Path
    results: Path


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The layout below `root`."""

    root: Path

    def run(self, name: str) -> RunFiles:
        return RunFiles(
            checkpoints=self.root / "checkpoints" / name,
            store=self.root / f"{name}.h5",
            report=self.root / f"{name}.spectrum.html",
            information=self.root / f"{name}.information.html",
            plane=self.root / f"{name}.plane.html",
            results=self.root / f"{name}.results.json",
        )

    @property
    def comparison(self) -> Path:
        return self.root / "comparison.html"


def prepare(root: Path, names: tuple[str, ...], *, overwrite: bool) -> DemoFolder:
    """An empty demo folder at `root`, which may hold an earlier demo where `overwrite` is set.

    Only files that a demo writes are ever removed.

    Raises:
        UsageError: `root` is a file, holds something that is not a demo, or an earlier demo.
        OutputError: the folder cannot be made.
    """
    _refuse(root, overwrite)
    folder = DemoFolder(root)
    try:
        for name in names:
            folder.run(name).checkpoints.mkdir(parents=True, exist_ok=True)
        _clear(folder, names)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(
            f"{printable(root)}: the demo's folder could not be made ({reason}); "
            "name another one: repdiag demo FOLDER"
        ) from error
    write_file(root / MARKER, "Written by `repdiag demo`, which may replace its own files here.\n")
    return folder


def _refuse(root: Path, overwrite: bool) -> None:
    shown = printable(root)
    if root.exists() and not root.is_dir():
        raise UsageError(f"{shown}: is a file, not a folder; name another one: repdiag demo FOLDER")
    if not root.exists() or not any(root.iterdir()):
        return
    if not (root / MARKER).is_file():
        raise UsageError(
            f"{shown}: holds files that no demo wrote, so none is written there; "
            "name a new folder: repdiag demo FOLDER"
        )
    if not overwrite:
        raise UsageError(f"{shown}: holds an earlier demo; replace it with: repdiag demo {shown} --overwrite")


def _clear(folder: DemoFolder, names: tuple[str, ...]) -> None:
    folder.comparison.unlink(missing_ok=True)
    for name in names:
        files = folder.run(name)
        pages = (files.report, files.information, files.plane)
        for old in (files.store, *pages, files.results, *files.checkpoints.glob("epoch_*.pt")):
            old.unlink(missing_ok=True)
