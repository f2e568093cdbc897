"""Make the pictures of the documentation: runs of the demo, and each page as a browser shows it.

Run it with: python examples/gallery.py [--demo FOLDER] [--docs FOLDER] [--only NAME ...]
Without --demo the demo is run first (under a minute). Needs Chromium (Debian: apt-get install chromium) and
playwright, which the extra `test` brings.
"""

from __future__ import annotations

import argparse
import io
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from repdiag.report.export import find_browser

DOCS = Path(__file__).resolve().parents[1] / "docs"
COLOURS = 256
MARGIN = 14
NOTE = "<!-- Written by examples/gallery.py; change the script, not this page. -->"
LEAD = (
    "Pages of `repdiag demo`: two small encoders trained on the same digits, one healthy and one without the "
    "term that keeps its covariance wide. Each picture is what a browser shows of the page that the line "
    "above it has written, in the demo's folder."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A command line after `repdiag`, what of its page is shown, and what to see in it.

    Shown are the top `height` pixels of the page, less where the element `until` ends; or the element `only`;
    or the figure `exported`, which the command has written. `code` is what the command must end with.
    """

    name: str
    title: str
    words: str
    text: str
    code: int = 0
    until: str = ""
    only: str = ""
    exported: str = ""
    width: int = 1280
    height: int = 1000
    dark: bool = False

    @property
    def file(self) -> str:
        """Where it goes below docs/; the first one is the README's."""
        return f"{self.name}.png" if self.name == "report" else f"gallery/{self.name}.png"

    @property
    def line(self) -> str:
        return f"repdiag {self.words} {'--out' if self.exported else '--report'} {self.name}.html"


PICTURES = (
    Picture(
        "report",
        "A collapsed encoder",
        "check collapsed.h5 --checkpoint epoch_12",
        "The verdict comes first, each reason with its figure, interval and limit; then layers and figures.",
        code=1,
        until="#spectrum",
        height=2200,
    ),
    Picture(
        "onset",
        "Since when",
        "check collapsed.h5",
        "Over all checkpoints the verdict also says when the collapse began, and in which layer.",
        code=1,
    ),
    Picture(
        "trajectory",
        "Over training",
        "spectrum collapsed.h5",
        "One measure over the checkpoints, with intervals; the measure is chosen above the figure.",
        only="#trajectory",
    ),
    Picture(
        "compare",
        "Two runs on the same samples",
        "compare healthy.h5::epoch_12 collapsed.h5::epoch_12",
        "Every figure as a ratio or a difference, with an interval of the difference and not of each run.",
    ),
    Picture(
        "plane",
        "The information plane",
        "plane healthy.h5",
        "Paths of the layers over training, under two estimators, with intervals and shuffled labels.",
        until="#plane",
        height=2000,
    ),
    Picture(
        "matrix",
        "What checkpoints have in common",
        "information healthy.h5 --x '*/base/projector' --y '*/base/projector' --measure cka",
        "Every two checkpoints of a layer; the tables below hold each figure with its interval and its null.",
        only="#information",
    ),
    Picture(
        "information",
        "What layers tell of each other",
        "information healthy.h5 --checkpoint epoch_12",
        "Each figure with its null, its ceiling and its status.",
    ),
    Picture(
        "dark",
        "In the dark",
        "spectrum healthy.h5 --checkpoint epoch_12",
        "Pages follow the system's theme, or the button.",
        only="#ranks",
        dark=True,
    ),
    Picture(
        "phone",
        "On a phone",
        "check healthy.h5 --checkpoint epoch_12",
        "The same page, 390 pixels wide.",
        width=390,
        until="#spectrum",
        height=1800,
    ),
    Picture(
        "figure",
        "A figure of its own",
        "report collapsed.results.json --figures figures",
        "Each figure as SVG and PNG, with its heading, facts, key and caption, for a paper or a slide.",
        exported="figures/spectrum.png",
    ),
)


def main(demo: Path, docs: Path, only: list[str]) -> None:
    """Run each command in the demo's folder, take its picture, and write the page around them."""
    (docs / "gallery").mkdir(parents=True, exist_ok=True)
    with browser() as window:
        for picture in (one for one in PICTURES if not only or one.name in only):
            run(picture, demo)
            png = few_colours(picture_of(picture, demo, window))
            (docs / picture.file).write_bytes(png)
            print(f"{picture.file}: {len(png) / 1000:.0f} kB", flush=True)
    (docs / "gallery.md").write_text(page(), encoding="utf-8")


def run(picture: Picture, folder: Path) -> None:
    """Write the page; the command must end as the picture says."""
    line = [sys.executable, "-m", "repdiag", *shlex.split(picture.line)[1:], "--quiet"]
    done = subprocess.run(line, cwd=folder, check=False)
    if done.returncode != picture.code:
        raise SystemExit(
            f"{picture.line}: ended with {done.returncode}, but the picture is of {picture.code}"
        )


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        window = driver.chromium.launch(
            executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"]
        )
        yield window
        window.close()


def picture_of(picture: Picture, folder: Path, window: Browser) -> bytes:
    """A PNG: what was exported, or what the browser shows of the page."""
    if picture.exported:
        return (folder / picture.exported).read_bytes()
    size = {"width": picture.width, "height": picture.height}
    tab = window.new_page(viewport=size, color_scheme="dark" if picture.dark else "light", offline=True)
    tab.goto((folder / f"{picture.name}.html").as_uri())
    tab.wait_for_function("document.documentElement.dataset.ready")
    # Figures below the window are drawn when they come near.
    tab.evaluate("drawAll(true)")
    taken = tab.locator(picture.only).screenshot() if picture.only else top(picture, tab)
    tab.close()
    return taken


def top(picture: Picture, tab: Page) -> bytes:
    """The top of the page."""
    box = tab.locator(picture.until).bounding_box() if picture.until else None
    height = min(picture.height, box["y"] + box["height"] + MARGIN) if box else picture.height
    clip = {"x": 0, "y": 0, "width": picture.width, "height": height}
    return tab.screenshot(clip=clip, full_page=True)


def few_colours(png: bytes) -> bytes:
    """The same picture with a palette."""
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def page() -> str:
    """The gallery: each picture under the line that made it."""
    parts = ["# Gallery", NOTE, LEAD]
    for picture in PICTURES:
        shown = f"![{picture.title}: {picture.text}]({picture.file})"
        parts += [f"## {picture.title}", picture.text, f"```sh\n{picture.line}\n```", shown]
    return "\n\n".join(parts) + "\n"


def demo_folder(given: Path | None, scratch: Path) -> Path:
    """The folder of an earlier demo, or of a new one."""
    if given is not None:
        return given.resolve()
    line = [sys.executable, "-m", "repdiag", "demo", str(scratch / "demo"), "--quiet", "--threads", "1"]
    subprocess.run(line, check=True)
    return scratch / "demo"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("--demo", type=Path, help="A folder that repdiag demo has written.")
    parser.add_argument("--docs", type=Path, default=DOCS, help="Where the pages of the documentation are.")
    names = [picture.name for picture in PICTURES]
    parser.add_argument("--only", nargs="+", default=[], choices=names, help="Only these pictures.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        main(demo_folder(options.demo, Path(made)), options.docs, options.only)
