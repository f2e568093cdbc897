from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from repdiag.data import SampleSource, open_data
from repdiag.errors import InputError, UsageError
from repdiag.extract import ExtractRequest, extract, plan
from repdiag.extract import shards as shards_module
from repdiag.store import Store, open_store
from repdiag.types import Address

Save = Callable[..., tuple[Path, nn.Module]]
Ask = Callable[..., ExtractRequest]


def read(store: Store, address: Address) -> np.ndarray:
    return np.asarray(store.read(address, 0, store.n))


def opened(request: ExtractRequest) -> Store:
    return open_store(Path(request.output))


def images(source: SampleSource) -> torch.Tensor:
    return torch.stack([source.item(index) for index in range(len(source))])


def relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one.astype(np.float64) - other) / np.linalg.norm(other))


def test_embeddings_equal_a_forward_pass_by_hand(save: Save, ask: Ask) -> None:
    path, model = save()
    request = ask(path, layers=("0", "2", "6", "output"))
    summary = extract(request)
    source = open_data("digits", limit=150, seed=0)
    with opened(request) as store, torch.inference_mode():
        assert (summary.rows, len(summary.representations)) == (150, 4)
        assert list(store.ids) == list(source.ids)
        label = store.column("label")
        assert label is not None
        assert label.tolist() == source.columns["label"].tolist()
        x, parts = images(source), []
        for batch in torch.split(x, 32):
            conv = model[0](batch)  # type: ignore[index]
            relu = model[2](model[1](conv))  # type: ignore[index]
            hidden = model[6](model[5](model[4](model[3](relu))))  # type: ignore[index]
            parts.append((conv.mean((2, 3)), relu.mean((2, 3)), hidden, model(batch)))
        for layer, column in zip(("0", "2", "6", "output"), zip(*parts, strict=True), strict=True):
            expected = torch.cat(column).numpy()
            assert relative(read(store, Address("net", "base", layer)), expected) < 1e-6


def test_an_inplace_layer_after_the_hook_does_not_change_what_was_taken(save: Save, ask: Ask) -> None:
    path, model = save()
    request = ask(path, layers=("1",), pool="flatten")
    extract(request)
    with opened(request) as store, torch.inference_mode():
        x = images(open_data("digits", limit=150, seed=0))
        expected = model[1](model[0](x)).flatten(1).numpy()  # type: ignore[index]
        assert expected.min() < 0
        assert relative(read(store, Address("net", "base", "1")), expected) < 1e-6


def test_the_default_is_what_goes_into_the_last_linear_and_the_output(save: Save, ask: Ask) -> None:
    path, _ = save()
    request = ask(path)
    assert [address.layer for address in extract(request).representations] == ["6", "output"]


def test_provenance_says_where_it_comes_from(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, _ = save("run=3_step=70.ckpt", epoch=5)
    request = ask(path, command="repdiag extract")
    summary = extract(request)
    assert summary.reports == ("run=3_step=70: 11/11 tensors, 0 missing, 0 unexpected, 0 ignored.",)
    with opened(request) as store:
        recorded: Any = store.provenance["checkpoints"]
        checkpoint = recorded["run=3_step=70"]
        assert (checkpoint["step"], checkpoint["epoch"], checkpoint["tensors_loaded"]) == (70, 5, 11)
        assert (checkpoint["missing"], checkpoint["unexpected"], checkpoint["trust"]) == (0, 0, False)
        assert checkpoint["path"] == "run=3_step=70.ckpt"
        assert checkpoint["model"] == "net.py:make"
        assert checkpoint["weights_key"] == "state_dict"
        assert len(checkpoint["sha256"]) == 64
        assert store.provenance["command"] == "repdiag extract"
        assert store.provenance["seed"] == 0
        assert str(tmp_path) not in str(store.provenance)
        info = store.representations[0]
        assert (info.attrs["module"], info.attrs["pool"], info.attrs["finite_rows"]) == ("6", "as_is", 150)


def test_several_checkpoints_views_and_layers(save: Save, ask: Ask, tmp_path: Path) -> None:
    models = {step: save(f"step_{step}.pt", seed=step)[1] for step in (100, 20, 3)}
    request = ask(tmp_path / "step_*.pt", views=("base", "a=noise:0.2", "dropout"), layers=("4", "output"))
    summary = extract(request)
    assert len(summary.representations) == len(set(summary.representations)) == 3 * 3 * 2
    with opened(request) as store, torch.inference_mode():
        order = list(dict.fromkeys(info.address.checkpoint for info in store.representations))
        assert order == ["step_3", "step_20", "step_100"]
        x = images(open_data("digits", limit=150, seed=0))
        for step, model in models.items():
            whole = read(store, Address(f"step_{step}", "base", "output"))
            assert relative(whole, model(x).numpy()) < 1e-5
            noisy = read(store, Address(f"step_{step}", "a", "output"))
            assert 1e-4 < relative(noisy, whole) < 1.0


def test_dropout_drops_in_the_model_and_nowhere_else(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, model = save()
    request = ask(path, views=("base", "d=dropout", "e=dropout"), layers=("6", "7", "output"))
    extract(request)
    smaller = ask(path, views=("d=dropout",), layers=("7",), batch_size=7, output=str(tmp_path / "b.h5"))
    extract(smaller)
    with opened(request) as store:
        before = read(store, Address("net", "d", "6"))
        after = read(store, Address("net", "d", "7"))
        kept = after != 0
        assert np.allclose(after[kept], before[kept] / 0.7, rtol=1e-5)
        assert 0.25 < 1 - kept[before != 0].mean() < 0.35
        assert np.array_equal(
            read(store, Address("net", "base", "7")), read(store, Address("net", "base", "6"))
        )
        assert not np.array_equal(after, read(store, Address("net", "e", "7")))
        with opened(smaller) as other:
            assert np.allclose(read(other, Address("net", "d", "7")), after, rtol=1e-5, atol=1e-6)
    assert not any(module._forward_hooks for module in model.modules())


def test_dropout_needs_a_model_that_drops(save: Save, ask: Ask) -> None:
    path, _ = save()
    with pytest.raises(UsageError, match="needs a model with dropout layers"):
        extract(ask(path, views=("dropout",), model_args={"dropout": "0.0"}))


def test_views_do_not_depend_on_batches_or_the_limit(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, _ = save()
    one = ask(path, views=("simclr",), layers=("0",))
    other = ask(
        path, views=("simclr",), layers=("0",), batch_size=11, limit=None, output=str(tmp_path / "b.h5")
    )
    extract(one)
    extract(other)
    with opened(one) as first, opened(other) as second:
        rows = [list(second.ids).index(name) for name in first.ids]
        address = Address("net", "simclr", "0")
        assert np.allclose(read(first, address), read(second, address)[rows], rtol=1e-5, atol=1e-6)


def test_the_same_command_is_done_at_once(save: Save, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = save()
    first = extract(ask(path))
    content = first.path.read_bytes()
    monkeypatch.setattr(shards_module, "call", None)
    again = extract(ask(path))
    assert again.was_complete
    assert (again.rows, again.representations) == (first.rows, first.representations)
    assert first.path.read_bytes() == content


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"limit": 140}, "limit"),
        ({"seed": 1}, "seed"),
        ({"pool": "max"}, "pool"),
        ({"layers": ("output",)}, "layer"),
        ({"views": ("noise",)}, "view"),
        ({"dtype": "float16"}, "dtype"),
        ({"model_args": {"dropout": "0.5"}}, "model-arg"),
    ],
)
def test_another_command_is_refused_by_its_field(
    save: Save, ask: Ask, change: Mapping[str, Any], field: str
) -> None:
    path, _ = save()
    extract(ask(path))
    with pytest.raises(UsageError, match=f"other {field} "):
        extract(ask(path, **change))
    assert not extract(ask(path, overwrite=True, **change)).was_complete


def test_changed_weights_or_code_are_another_command(save: Save, ask: Ask, model_file: Path) -> None:
    path, _ = save()
    extract(ask(path))
    save(seed=1)
    with pytest.raises(UsageError, match=r"another checkpoints\.net"):
        extract(ask(path))
    save()
    model_file.write_text(model_file.read_text() + "\n# changed\n")
    with pytest.raises(UsageError, match="another model code"):
        extract(ask(path))


def test_an_interrupted_run_resumes_bit_by_bit(
    save: Save, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setattr(shards_module, "SHARD_ROWS", 40)
    path, _ = save()
    whole = ask(path, views=("base", "noise"), output=str(tmp_path / "whole.h5"))
    extract(whole)
    made = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal made
        made += 1
        if made == 4:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    original = shards_module.make_shard
    broken = ask(path, views=("base", "noise"), output=str(tmp_path / "broken.h5"))
    monkeypatch.setattr("repdiag.extract.runner.make_shard", counted)
    with pytest.raises(KeyboardInterrupt):
        extract(broken)
    assert not Path(broken.output).exists()
    extract(broken)
    assert made == 4 + (10 - 3)
    assert Path(broken.output).read_bytes() == Path(whole.output).read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_shards_are_a_whole_number_of_batches_and_bounded(
    save: Save, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = save()
    monkeypatch.setattr(shards_module, "SHARD_BYTES", 50 * (8 * 36 + 10) * 4)
    held = []
    original = shards_module.make_shard

    def watched(*arguments: Any, **named: Any) -> Any:
        shard = original(*arguments, **named)
        held.append({name: rows.shape for name, rows in shard.layers.items()})
        return shard

    monkeypatch.setattr("repdiag.extract.runner.make_shard", watched)
    extract(ask(path, layers=("0", "output"), pool="flatten"))
    assert [shapes["0"] for shapes in held] == [(32, 288)] * 4 + [(22, 288)]


def test_shard_size_does_not_change_a_digit(
    save: Save, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = save()
    one, other = ask(path), ask(path, output=str(tmp_path / "b.h5"))
    extract(one)
    monkeypatch.setattr(shards_module, "SHARD_ROWS", 32)
    extract(other)
    with opened(one) as first, opened(other) as second:
        for info in first.representations:
            assert np.array_equal(read(first, info.address), read(second, info.address))


def test_a_folder_of_shards_is_kept(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, _ = save()
    extract(ask(path, output=f"{tmp_path}/kept/"))
    with open_store(tmp_path / "kept") as store:
        assert store.n == 150


def test_float16_storage_and_bf16_computation(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, model = save()
    half = ask(path, dtype="float16", output=str(tmp_path / "half.h5"))
    brain = ask(path, precision="bf16", output=str(tmp_path / "brain.h5"))
    extract(half)
    extract(brain)
    with opened(half) as stored, opened(brain) as computed, torch.inference_mode():
        expected = model(images(open_data("digits", limit=150, seed=0))).numpy()
        address = Address("net", "base", "output")
        assert read(stored, address).dtype == np.float16
        assert relative(read(stored, address), expected) < 1e-3
        assert read(computed, address).dtype == np.float32
        assert 1e-6 < relative(read(computed, address), expected) < 3e-2


def test_rows_that_are_not_finite_are_counted_and_said(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, _ = save()
    x = np.ones((20, 1, 8, 8), dtype=np.float32)
    x[[3, 7], 0, 0, 0] = np.nan, np.inf
    np.save(tmp_path / "x.npy", x)
    request = ask(path, data=str(tmp_path / "x.npy"), limit=None, layers=("output",))
    summary = extract(request)
    assert "net/base/output: 2 of 20 rows hold NaN or infinity" in summary.notes
    with opened(request) as store:
        assert store.representations[0].attrs["finite_rows"] == 18


def test_a_plan_writes_nothing_and_knows_the_bytes(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, _ = save()
    planned = plan(ask(path, views=("base", "noise"), layers=("0", "output")))
    assert [(layer.layer, layer.shape, layer.d) for layer in planned.layers] == [
        ("0", (2, 8, 6, 6), 8),
        ("output", (2, 10), 10),
    ]
    assert planned.bytes == 150 * 18 * 4 * 2
    assert planned.samples == 150
    assert sorted(one.name for one in tmp_path.iterdir()) == ["net.pt", "net.py"]


def test_progress_counts_every_sample_once(save: Save, ask: Ask) -> None:
    path, _ = save()
    seen: list[tuple[int, int]] = []
    extract(ask(path, views=("base", "noise")), lambda label, done, total: seen.append((done, total)))
    assert seen[-1] == (300, 300)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


FAILING = """
from torch import nn
class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 4)
        self.unused = nn.Linear(4, 4)
    def forward(self, x):
        if len(x) > 2: raise RuntimeError("no room")
        return self.linear(x.flatten(1))
def make(): return Failing()
"""


def failing(tmp_path: Path) -> tuple[str, Path]:
    (tmp_path / "failing.py").write_text(FAILING)
    state = {"linear.weight": torch.ones(4, 64), "linear.bias": torch.zeros(4)}
    state |= {"unused.weight": torch.ones(4, 4), "unused.bias": torch.zeros(4)}
    torch.save(state, tmp_path / "failing.pt")
    return f"{tmp_path / 'failing.py'}:make", tmp_path / "failing.pt"


def test_a_model_that_raises_is_one_sentence_with_the_batch(ask: Ask, tmp_path: Path) -> None:
    model, path = failing(tmp_path)
    with pytest.raises(
        UsageError, match=r"failed at samples \d+ to \d+ \(view base\) with RuntimeError \(no room\)"
    ) as caught:
        extract(ask(path, model=model, limit=None))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out.h5*"))


def test_a_layer_that_never_runs_is_named(ask: Ask, tmp_path: Path) -> None:
    model, path = failing(tmp_path)
    with pytest.raises(UsageError, match='"unused" does not run'):
        extract(ask(path, model=model, layers=("unused",), limit=2))


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"layers": ("9.nothing",)}, UsageError, "no layer of the model matches"),
        ({"pool": "men"}, UsageError, 'Did you mean "mean"'),
        ({"pool": "cls"}, UsageError, "one row a sample"),
        ({"precision": "fp8"}, UsageError, "--precision"),
        ({"dtype": "float64"}, UsageError, "--dtype"),
        ({"batch_size": 0}, UsageError, "--batch-size"),
        ({"device": "cuda:99"}, UsageError, "--device cuda:99 is not there"),
        ({"model": None}, UsageError, "needs its architecture"),
        ({"model_args": {"width": "9"}}, InputError, "of another shape"),
        ({"data": "nothing.npy"}, InputError, "no such file or folder"),
    ],
)
def test_requests_that_cannot_work(
    save: Save, ask: Ask, tmp_path: Path, changes: Any, kind: Any, said: str
) -> None:
    path, _ = save()
    with pytest.raises(kind, match=said) as caught:
        extract(ask(path, **changes))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out.h5*"))


def test_no_checkpoint_at_all(ask: Ask) -> None:
    with pytest.raises(UsageError, match="no checkpoint was named"):
        extract(ask())


def test_a_partial_load_is_seeded_and_recorded(save: Save, ask: Ask) -> None:
    path, _ = save()
    state = torch.load(path, weights_only=True)
    del state["8.weight"]
    torch.save(state, path)
    with pytest.raises(InputError, match="1 missing"):
        extract(ask(path))
    request = ask(path, allow_partial=True, layers=("output",))
    before = torch.random.get_rng_state()
    extract(request)
    assert torch.equal(before, torch.random.get_rng_state())
    with opened(request) as store:
        recorded: Any = store.provenance["checkpoints"]
        assert recorded["net"]["missing_names"] == ["8.weight"]
        first = read(store, Address("net", "base", "output"))
    extract(ask(path, allow_partial=True, layers=("output",), overwrite=True))
    with opened(request) as store:
        assert np.array_equal(first, read(store, Address("net", "base", "output")))


def test_images_from_a_folder_are_read_by_threads_that_end(save: Save, ask: Ask, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "pictures" / "a").mkdir(parents=True)
    for index in range(9):
        image.new("L", (12, 10), index * 20).save(tmp_path / "pictures" / "a" / f"{index}.png")
    path, _ = save()
    model = tmp_path / "net.py"
    recorded = '{"size": 8, "resize": 9, "mean": [0.5], "std": [0.25]}'
    model.write_text(
        model.read_text() + f"\ndef grey():\n    m = make()\n    m.preprocessing = {recorded}\n    return m\n"
    )
    request = ask(
        path, model=f"{model}:grey", data=str(tmp_path / "pictures"), limit=None, batch_size=4, workers=3
    )
    summary = extract(request)
    assert any("8 x 8, mean (0.5), std (0.25)" in note for note in summary.notes)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("repdiag-data")]
    with opened(request) as store:
        assert list(store.ids) == [f"a/{index}.png" for index in range(9)]
        label = store.column("label")
        assert label is not None
        assert label.tolist() == ["a"] * 9
        recorded_how: Any = store.provenance["checkpoints"]
        assert recorded_how["net"]["preprocessing"]["mean"] == [0.5]


def test_torchscript_runs_only_with_trust(build: Callable[[], nn.Module], ask: Ask, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build().eval()
    torch.jit.trace(model, torch.zeros(2, 1, 8, 8)).save(tmp_path / "whole.pt")  # type: ignore[no-untyped-call]
    with pytest.raises(InputError, match="trust"):
        extract(ask(tmp_path / "whole.pt", model=None))
    request = ask(tmp_path / "whole.pt", model=None, trust=True)
    extract(request)
    with opened(request) as store, torch.inference_mode():
        expected = model(images(open_data("digits", limit=150, seed=0))).numpy()
        assert relative(read(store, Address("whole", "base", "output")), expected) < 1e-5
