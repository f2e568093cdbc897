"""`repdiag extract`: from checkpoints and data to a store, and every way in which it declines."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from repdiag.data import open_data
from repdiag.store import Store, open_store
from repdiag.types import Address
from tests.checkpoints import bad_inputs as bad
from tests.commands.helpers import Ended, Typed, in_a_process

MODEL = """
import os
from collections import OrderedDict
from pathlib import Path

from torch import nn

class Net(nn.Sequential):
    def forward(self, x):
        calls = Path("calls.txt")
        count = int(calls.read_text()) + 1 if calls.exists() else 1
        calls.write_text(str(count))
        if str(count) == os.environ.get("STOP_AT"):
            os.kill(os.getpid(), int(os.environ["STOP_WITH"]))
        return super().forward(x)

def build(width=16, dropout=0.2):
    return Net(OrderedDict(
        flat=nn.Flatten(), first=nn.Linear(64, width), act=nn.ReLU(), drop=nn.Dropout(dropout),
        head=nn.Linear(width, 10),
    ))

def fails():
    raise ValueError("no weights today")

def text():
    return "a model"
"""
NET = ("--model", "net.py:build")
DIGITS = (*NET, "--data", "digits", "--limit", "60", "--batch-size", "16")
COLUMNS = 80


@pytest.fixture(autouse=True)
def model_file(here: Path) -> Path:
    (here / "net.py").write_text(MODEL, encoding="utf-8")
    return here / "net.py"


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"first.weight": (16, 64), "first.bias": (16,), "head.weight": (10, 16), "head.bias": (10,)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture
def checkpoint(here: Path) -> Path:
    torch.save(weights(), here / "net.pt")
    return Path("net.pt")


def by_hand(ids: Sequence[str], state: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Penultimate representation and output of the digits with these ids."""
    source = open_data("digits")
    x = torch.stack([source.item(int(one)) for one in ids]).flatten(1)
    hidden = torch.relu(nn.functional.linear(x, state["first.weight"], state["first.bias"]))
    output = nn.functional.linear(hidden, state["head.weight"], state["head.bias"])
    return {"act": hidden.numpy(), "output": output.numpy()}


def rows(store: Store, checkpoint: str, view: str, layer: str) -> np.ndarray:
    return np.asarray(store.read(Address(checkpoint, view, layer), 0, store.n))


def written(here: Path) -> list[str]:
    """What an extraction left here, under whatever name."""
    ours = ("embeddings", "out")
    return sorted(name for name in os.listdir(here) if name.startswith(ours) or name.endswith(".tmp"))


def test_a_checkpoint_becomes_a_store(typed: Typed, checkpoint: Path, here: Path) -> None:
    ended = typed("extract", checkpoint, *DIGITS)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "net: 4/4 tensors, 0 missing, 0 unexpected, 0 ignored."
    assert ended.out.splitlines()[-1] == "embeddings.h5: 60 rows, 2 representations"
    assert ended.err == "next: repdiag spectrum embeddings.h5\n"
    assert written(here) == ["embeddings.h5"]
    with open_store(here / "embeddings.h5") as store:
        for layer, expected in by_hand(store.ids, weights()).items():
            np.testing.assert_allclose(rows(store, "net", "base", layer), expected, rtol=1e-4, atol=1e-5)
        label = store.column("label")
        assert label is not None
        assert label.tolist() == [int(open_data("digits").columns["label"][int(one)]) for one in store.ids]


def test_a_limit_is_a_draw_and_the_seed_decides_it(typed: Typed, checkpoint: Path, here: Path) -> None:
    drawn = []
    for name, seed in (("out_a.h5", "0"), ("out_b.h5", "0"), ("out_c.h5", "1")):
        assert typed("extract", checkpoint, *DIGITS, "--seed", seed, "-o", name).code == 0
        with open_store(here / name) as store:
            drawn.append(list(store.ids))
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] != [str(row) for row in range(60)]


def test_checkpoints_views_and_layers_go_into_one_store(typed: Typed, here: Path) -> None:
    (here / "run").mkdir()
    for step in (100, 20):
        torch.save(weights(step), here / "run" / f"step_{step}.pt")
    ended = typed(
        "extract", "run", *DIGITS, "--layer", "[af]*t", "--layer", "head", "--view", "base",
        "--view", "a=noise:0.3", "--view", "dropout", "-o", "out.h5",
    )  # fmt: skip
    assert ended.code == 0
    assert [line.split(":")[0] for line in ended.out.splitlines()[:2]] == ["step_20", "step_100"]
    with open_store(here / "out.h5") as store:
        found = {info.address for info in store.representations}
        assert found == {
            Address(f"step_{step}", view, layer)
            for step in (20, 100)
            for view in ("base", "a", "dropout")
            for layer in ("flat", "first", "act", "head")
        }
        assert [info.step for info in store.select(views=("base",), layers=("act",))] == [20, 100]
        plain, noisy = (rows(store, "step_20", view, "flat") for view in ("base", "a"))
        assert np.std(noisy - plain) == pytest.approx(0.3, rel=0.05)
        dropped = rows(store, "step_20", "dropout", "head") - rows(store, "step_20", "base", "head")
        assert np.abs(dropped).max() > 0.1


def test_every_other_command_takes_the_store(typed: Typed, checkpoint: Path, here: Path) -> None:
    words = (*NET, "--data", "digits", "--limit", "400", "--layer", "act")
    assert typed("extract", checkpoint, *words).code == 0
    table = typed("spectrum", "embeddings.h5")
    assert (table.code, "effective_rank" in table.out) == (0, True)
    assert (here / "embeddings.spectrum.html").is_file()
    assert typed("check", "embeddings.h5").code in (0, 1, 3)
    shown = typed("inspect", "embeddings.h5").out
    assert "load report: 4/4 tensors" in shown
    assert "net/base/act" in shown
    assert max(map(len, shown.splitlines())) <= COLUMNS


def test_a_dry_run_says_what_it_takes_and_writes_nothing(typed: Typed, checkpoint: Path, here: Path) -> None:
    before = {*os.listdir(here), "calls.txt"}
    ended = typed("extract", checkpoint, *DIGITS, "--view", "base", "--view", "noise", "--dry-run")
    assert ended.code == 0
    assert set(os.listdir(here)) <= before
    assert f"1 checkpoint x 2 views x 60 samples: {2 * 60 * 26 * 4:,} bytes" in ended.out
    assert [line.split()[0] for line in ended.out.splitlines() if line.endswith((" act", " output"))] == [
        "16",
        "10",
    ]
    assert max(map(len, ended.out.splitlines())) <= COLUMNS


def test_what_is_printed_fits_a_terminal(typed: Typed, here: Path) -> None:
    for index in range(3):
        torch.save(weights(index), here / f"a_long_name_of_a_training_run_with_its_settings_{index}.pt")
    ended = typed("extract", "*.pt", *DIGITS, "--layer", "*", "--yes", "-o", "out.h5")
    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= COLUMNS
    with open_store(here / "out.h5") as store:
        assert len(store.representations) == 3 * 5


def test_every_layer_needs_a_yes(typed: Typed, checkpoint: Path, here: Path) -> None:
    ended = typed("extract", checkpoint, *DIGITS, "--layer", "*")
    assert ended.code == 2
    assert "5 layers" in ended.sentence
    assert "--yes" in ended.sentence
    assert written(here) == []


def test_the_command_that_comes_next_can_be_typed(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "my runs").mkdir()
    ended = typed("extract", checkpoint, *DIGITS, "-o", "my runs/out.h5")
    assert ended.err == "next: repdiag spectrum 'my runs/out.h5'\n"
    assert typed("spectrum", "my runs/out.h5", "--no-report").code == 0


def test_quiet_prints_nothing(typed: Typed, checkpoint: Path) -> None:
    assert typed("extract", checkpoint, *DIGITS, "--quiet") == Ended(0, "", "")


def test_a_folder_keeps_its_shards(typed: Typed, checkpoint: Path, here: Path) -> None:
    assert typed("extract", checkpoint, *DIGITS, "-o", "out/").code == 0
    assert len(list((here / "out" / "shards").glob("*.h5"))) == 1
    assert typed("spectrum", "out", "--no-report").code == 0


# The configuration.

CONFIG = """
[extract]
model = "net.py:build"
data = "digits"
limit = 40
layers = ["first"]
views = ["base", "noise=0.2"]
"""


def test_the_configuration_is_enough_and_is_code(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "repdiag.toml").write_text(CONFIG, encoding="utf-8")
    ended = typed("extract", checkpoint)
    assert ended.code == 0
    assert ended.err.splitlines()[0] == "repdiag.toml: model = net.py:build is code, which runs now"
    with open_store(here / "embeddings.h5") as store:
        assert store.n == 40
        assert {str(info.address) for info in store.representations} == {"net/base/first", "net/noise/first"}


def test_flags_win_over_the_configuration(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "repdiag.toml").write_text(CONFIG, encoding="utf-8")
    assert typed("extract", checkpoint, "--limit", "30", "--layer", "head", "--view", "base").code == 0
    with open_store(here / "embeddings.h5") as store:
        assert store.n == 30
        assert [str(info.address) for info in store.representations] == ["net/base/head"]


def test_paths_in_the_configuration_are_from_its_folder(
    typed: Typed, checkpoint: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "repdiag.toml").write_text(CONFIG, encoding="utf-8")
    (here / "inner").mkdir()
    monkeypatch.chdir(here / "inner")
    assert typed("extract", "../net.pt").code == 0
    assert (here / "inner" / "embeddings.h5").is_file()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[extract]\nmodle = "x"\n', 'extract.modle: is not a known key. Did you mean "model"?'),
        ('[extract]\nlimit = "many"\n', "extract.limit"),
        ('[extract]\npool = "mena"\n', "extract.pool"),
        ('[extrct]\nlimit = 3\n', 'Did you mean "extract"?'),
        ("[extract\n", "is not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_runs_nothing(
    typed: Typed, checkpoint: Path, here: Path, text: str, said: str
) -> None:
    (here / "repdiag.toml").write_text(text, encoding="utf-8")
    ended = typed("extract", checkpoint, *DIGITS)
    assert ended.code == 2
    assert "repdiag.toml" in ended.sentence
    assert said in ended.sentence
    assert written(here) == []


# Again, differently, and after a kill.


def test_the_same_command_is_done_at_once(typed: Typed, checkpoint: Path, here: Path) -> None:
    typed("extract", checkpoint, *DIGITS)
    before, calls = (here / "embeddings.h5").read_bytes(), (here / "calls.txt").read_text()
    ended = typed("extract", checkpoint, *DIGITS)
    assert ended.code == 0
    assert "complete already" in ended.out
    assert (here / "embeddings.h5").read_bytes() == before
    assert (here / "calls.txt").read_text() == calls


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("--limit", "50"), "another limit (60 there, 50 now)"),
        (("--view", "noise"), 'another view ([] there, ["noise"] now)'),
        (("other.pt",), "other checkpoints (net there, net, other now)"),
        (("--model-arg", "dropout=0.5"), "other model-arg (none there, dropout now)"),
    ],
)
def test_another_command_is_refused_and_overwrite_starts_again(
    typed: Typed, checkpoint: Path, here: Path, changes: tuple[str, ...], said: str
) -> None:
    torch.save(weights(1), here / "other.pt")
    typed("extract", checkpoint, *DIGITS)
    before = (here / "embeddings.h5").read_bytes()
    ended = typed("extract", checkpoint, *DIGITS, *changes)
    assert ended.code == 2
    assert said in ended.sentence
    assert "--overwrite" in ended.sentence
    assert (here / "embeddings.h5").read_bytes() == before
    assert typed("extract", checkpoint, *DIGITS, *changes, "--overwrite").code == 0
    assert (here / "embeddings.h5").read_bytes() != before


def test_changed_weights_are_another_command(typed: Typed, checkpoint: Path, here: Path) -> None:
    typed("extract", checkpoint, *DIGITS)
    torch.save(weights(5), here / "net.pt")
    ended = typed("extract", checkpoint, *DIGITS)
    assert "another checkpoints.net (it changed)" in ended.sentence


STOPS = [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143), (signal.SIGINT, 130)]


@pytest.mark.parametrize(("number", "code"), STOPS, ids=str)
def test_a_stopped_run_is_resumed_to_the_same_rows(
    typed: Typed,
    checkpoint: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    code: int,
) -> None:
    words = ("extract", checkpoint, *DIGITS, "--view", "base", "--view", "noise")
    assert typed(*words, "-o", "whole.h5").code == 0
    whole = int((here / "calls.txt").read_text())
    (here / "calls.txt").unlink()
    monkeypatch.setenv("STOP_AT", str(whole - 1))
    monkeypatch.setenv("STOP_WITH", str(int(number)))
    stopped = in_a_process(*words, cwd=here)
    assert stopped.returncode == code, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert written(here) == ["embeddings.h5.partial"]
    assert "unfinished" in typed("check", "embeddings.h5.partial").sentence
    monkeypatch.delenv("STOP_AT")
    (here / "calls.txt").unlink()
    assert typed(*words).code == 0
    assert int((here / "calls.txt").read_text()) < whole
    assert written(here) == ["embeddings.h5"]
    with open_store(here / "whole.h5") as one, open_store(here / "embeddings.h5") as other:
        assert list(one.ids) == list(other.ids)
        for info in one.representations:
            at = info.address
            assert np.array_equal(one.read(at, 0, one.n), other.read(at, 0, other.n))


# What is declined: one sentence, exit code 2, and nothing written.


def declined(ended: Ended, here: Path) -> str:
    assert ended.code == 2
    assert ended.out == ""
    assert written(here) == []
    assert not (here / bad.CANARY).exists()
    return ended.sentence


@pytest.mark.parametrize(
    "row",
    [
        "03 empty",
        "07 html",
        "08 git-lfs",
        "09 truncated zip",
        "14 os.system",
        "17 module",
        "17 module legacy",
        "18 omegaconf",
        "19 torchscript",
        "20 torchscript that writes",
        "30 no floats",
        "41 length over the file",
        "hdf5",
    ],
)
def test_checkpoints_that_cannot_be_used(typed: Typed, here: Path, row: str) -> None:
    make, said = bad.ROWS[row]
    path = make(here)
    sentence = declined(typed("extract", path, *DIGITS), here)
    assert path.name in sentence
    assert said in sentence


def test_a_missing_checkpoint_offers_the_nearest(typed: Typed, checkpoint: Path, here: Path) -> None:
    sentence = declined(typed("extract", "nt.pt", *DIGITS), here)
    assert sentence == 'nt.pt: no such checkpoint. Did you mean "net.pt"?'


def test_one_bad_checkpoint_among_good_ones_leaves_no_store(
    typed: Typed, checkpoint: Path, here: Path
) -> None:
    (here / "net2.pt").write_bytes(b"")
    ended = typed("extract", "net*.pt", *DIGITS)
    assert ended.code == 2
    assert "net2.pt: is empty" in ended.sentence
    assert "embeddings.h5" not in written(here)


def test_torchscript_runs_with_trust_alone(typed: Typed, here: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(64, 4))), "whole.pt")
    words = ("extract", "whole.pt", "--data", "digits", "--limit", "20")
    assert "--trust" in declined(typed(*words), here)
    assert typed(*words, "--trust").code == 0


def test_without_a_model_the_next_command_is_named(typed: Typed, checkpoint: Path, here: Path) -> None:
    sentence = declined(typed("extract", checkpoint, "--data", "digits"), here)
    assert "--model timm:NAME" in sentence
    assert "repdiag inspect net.pt" in sentence


def test_of_several_sets_one_must_be_named(typed: Typed, here: Path) -> None:
    torch.save({"student": weights(1), "teacher": weights(2)}, "both.pt")
    sentence = declined(typed("extract", "both.pt", *DIGITS), here)
    assert "student, teacher" in sentence
    assert "--weights teacher" in sentence
    assert typed("extract", "both.pt", *DIGITS, "--weights", "teacher").code == 0
    with open_store(here / "embeddings.h5") as store:
        expected = by_hand(store.ids, weights(2))["output"]
        np.testing.assert_allclose(rows(store, "both", "base", "output"), expected, rtol=1e-4, atol=1e-5)


def test_a_part_of_the_weights_is_refused_unless_allowed(typed: Typed, here: Path) -> None:
    torch.save({name: value for name, value in weights().items() if "head" not in name}, "part.pt")
    sentence = declined(typed("extract", "part.pt", *DIGITS), here)
    assert "2 missing (head.weight, head.bias)" in sentence
    ended = typed("extract", "part.pt", *DIGITS, "--allow-partial")
    assert (ended.code, ended.out.splitlines()[0].startswith("part: 2/4 tensors, 2 missing")) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layer", "frist"), 'matches "frist". Did you mean "first"? It has 5 layers (flat, first,'),
        (("--layer", "act", "--layer", "outptu"), 'Did you mean "output"'),
        (("--view", "crpo"), 'Did you mean "crop"'),
        (("--view", "crop"), ""),
        (("--view", "base", "--view", "base"), 'two views are called "base"'),
        (("--pool", "mena"), 'Did you mean "mean"'),
        (("--pool", "cls"), "needs tokens"),
        (("--precision", "fp8"), "fp32, bf16, fp16"),
        (("--weights", "teacher"), "holds one set; leave out --weights"),
        (("--model-arg", "width"), "--model-arg width: write NAME=VALUE"),
        (("--model-arg", "width=9"), "of another shape"),
        (("--model-arg", "depth=9"), "unexpected keyword argument 'depth'"),
        (("--model", "net.py:biuld"), 'net.py has no biuld. Did you mean "build"'),
        (("--model", "net.py:fails"), "raised ValueError (no weights today)"),
        (("--model", "net.py:text"), "returned a str, not a torch.nn.Module"),
        (("--model", "nett.py:build"), "there is no file nett.py"),
        (("--model", "timn:resnet18"), 'Did you mean "timm"'),
        (("--model", "hf:nowhere"), "nowhere is not a folder"),
        (("--data", "digit"), 'Did you mean "digits"'),
        (("--data", "none.npy"), "none.npy: no such file or folder"),
        (("--data", "net.py"), "name the callable too"),
        (("--data", "net.pt"), "is not a kind of data we read"),
        (("--limit", "0"), "--limit"),
        (("--device", "tpu"), "--device"),
        (("-o", "nowhere/out.h5"), "nowhere: no such folder to write to"),
        (("--config", "none.toml"), "none.toml"),
    ],
)
def test_options_that_do_not_fit(
    typed: Typed, checkpoint: Path, here: Path, words: tuple[str, ...], said: str
) -> None:
    if words == ("--view", "crop"):
        np.save(here / "flat.npy", np.zeros((9, 64), np.float32))
        words, said = (*words, "--data", "flat.npy"), "needs (c, h, w) samples"
    assert said in declined(typed("extract", checkpoint, *DIGITS, *words), here)


def test_no_checkpoint_and_no_data(typed: Typed, checkpoint: Path, here: Path) -> None:
    assert "no checkpoint was named" in declined(typed("extract", *DIGITS), here)
    assert "--data SPEC" in declined(typed("extract", checkpoint, *NET), here)


def image_folder(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.csv").write_text("a\n1\n")


def broken_images(folder: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    folder.mkdir()
    image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "a.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:60])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "holds no images (0 other files)"),
        (image_folder, "holds no images (1 other files)"),
        (broken_images, "b.png: is not an image that can be decoded"),
        (lambda path: path.with_suffix(".txt").write_text("\n \n"), "has no samples"),
        (lambda path: path.with_suffix(".txt").write_bytes(b"\xff\xfe\x00"), "is not UTF-8 text"),
        (lambda path: path.with_suffix(".npy").write_bytes(b""), "my_data.npy"),
        (lambda path: path.with_suffix(".csv").write_text('a,b\n"x'), "my_data.csv"),
        (lambda path: path.with_suffix(".npy").write_bytes(b"\x93NUMPY\x01\x00"), "my_data.npy"),
    ],
)
def test_data_that_cannot_be_used(
    typed: Typed, checkpoint: Path, here: Path, make: Callable[[Path], object], said: str
) -> None:
    make(here / "my_data")
    name = next(path.name for path in here.iterdir() if path.stem == "my_data")
    assert said in declined(typed("extract", checkpoint, *NET, "--data", name), here)


def test_a_model_that_fails_on_the_data_says_where(typed: Typed, checkpoint: Path, here: Path) -> None:
    np.save(here / "narrow.npy", np.zeros((9, 5), np.float32))
    sentence = declined(typed("extract", checkpoint, *NET, "--data", "narrow.npy"), here)
    assert "the model failed at the first 2 samples (view base) with RuntimeError" in sentence


def test_a_file_that_is_no_store_is_not_replaced(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "notes.txt").write_text("mine")
    ended = typed("extract", checkpoint, *DIGITS, "-o", "notes.txt")
    assert ended.code == 2
    assert "is not a store" in ended.sentence
    assert (here / "notes.txt").read_text() == "mine"


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.argv = ["repdiag", *sys.argv[1:]]
from repdiag.commands import main
main()
"""


def test_a_disk_that_fills_up_leaves_nothing_under_the_name(
    typed: Typed, checkpoint: Path, here: Path
) -> None:
    pytest.importorskip("resource")
    words = ("extract", checkpoint, *DIGITS, "--limit", "900")
    ended = in_a_process(*words, cwd=here, code=FULL)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("error: embeddings.h5.partial")
    assert "make room and run the same command again" in ended.stderr
    assert "embeddings.h5" not in written(here)
    assert typed(*words).code == 0


def test_a_folder_that_is_read_only(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "locked").mkdir()
    (here / "locked").chmod(0o500)
    if os.access(here / "locked", os.W_OK):
        pytest.skip("this user may write everywhere")
    ended = typed("extract", checkpoint, *DIGITS, "-o", "locked/out.h5")
    assert ended.code == 2
    assert "permission denied" in ended.sentence
    assert os.listdir(here / "locked") == []
