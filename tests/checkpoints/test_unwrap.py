from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from repdiag.checkpoints import Checkpoint, choose_weights, load_checkpoint, weight_names
from repdiag.checkpoints.prefixes import canonical, coverage, short_names, structural_prefixes
from repdiag.errors import InputError, UsageError
from tests.checkpoints.bad_inputs import saved


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 2)))


def state(seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return dict(net().state_dict())


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def checkpoint(tensors: Mapping[str, Tensor]) -> Checkpoint:
    return Checkpoint(Path("a.pt"), "0" * 64, "torch-zip", tensors, None, None, {}, (), 0)


WRAPPINGS = [
    "",
    "module.",
    "_orig_mod.module.",
    "module._orig_mod.",
    "state_dict.model.",
    "model_state.module.",
    "net._fsdp_wrapped_module.",
    "state_dict.student.backbone.",
    "my_own_name.deeper.",
]


@pytest.mark.parametrize("prefix", WRAPPINGS)
def test_wrappers_are_peeled_until_the_module_is_covered(prefix: str) -> None:
    chosen = choose_weights(checkpoint(under(prefix, state())), net().state_dict())
    assert set(chosen.tensors) == set(state())
    assert torch.equal(chosen.tensors["0.weight"], state()["0.weight"])
    assert ".".join(chosen.wrappers) == prefix.rstrip(".")
    assert chosen.ignored == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["module", "_orig_mod", "_fsdp_wrapped_module", "model", "backbone", "encoder", "net"]
        ),
        max_size=4,
    ),
    st.sampled_from(["", "_orig_mod.", "_checkpoint_wrapped_module."]),
)
def test_any_stack_of_wrappers_gives_the_weights_back(outer: list[str], inner: str) -> None:
    prefix = "".join(f"{part}." for part in outer)
    deep = {name: name.replace("2.", f"2.{inner}") for name in state()}
    wrapped = {f"{prefix}{deep[name]}": tensor for name, tensor in state().items()}
    chosen = choose_weights(checkpoint(wrapped), net().state_dict())
    assert all(torch.equal(chosen.tensors[name], tensor) for name, tensor in state().items())
    assert len(chosen.tensors) == len(state())


def test_a_module_that_itself_has_the_wrapper_keeps_it() -> None:
    wrapped = nn.ModuleDict({"module": net()})
    for prefix in ("", "module."):
        chosen = choose_weights(checkpoint(under(prefix, state())), wrapped.state_dict())
        assert set(chosen.tensors) == set(wrapped.state_dict())


def test_keys_beside_the_wrapper_are_ignored_and_listed() -> None:
    tensors = {**under("backbone.", state()), "projector.0.weight": torch.ones(2), "queue": torch.ones(3)}
    chosen = choose_weights(checkpoint(tensors), net().state_dict())
    assert chosen.key == "backbone"
    assert chosen.ignored == ("projector.0.weight", "queue")


def test_student_and_teacher_are_never_guessed() -> None:
    both = checkpoint({**under("student.", state(0)), **under("teacher.", state(1))})
    with pytest.raises(UsageError, match=r"student, teacher; choose one, for example: --weights teacher"):
        choose_weights(both, net().state_dict())
    chosen = choose_weights(both, net().state_dict(), "teacher")
    assert torch.equal(chosen.tensors["0.weight"], state(1)["0.weight"])
    assert (chosen.key, len(chosen.ignored)) == ("teacher", len(state()))


def test_twins_with_heads_inside_are_ambiguous_too() -> None:
    tensors = {
        **under("module.student.backbone.", state(0)),
        **under("module.teacher.backbone.", state(1)),
        "module.student.head.weight": torch.ones(2),
    }
    with pytest.raises(UsageError, match="student, teacher"):
        choose_weights(checkpoint(tensors), net().state_dict())
    chosen = choose_weights(checkpoint(tensors), net().state_dict(), "student")
    assert chosen.key == "student.backbone"


def test_a_copy_inside_the_model_is_ambiguous() -> None:
    tensors = {**state(0), **under("ema.", state(1))}
    with pytest.raises(UsageError, match=r"\., ema"):
        choose_weights(checkpoint(tensors), net().state_dict())
    top = choose_weights(checkpoint(tensors), net().state_dict(), ".")
    assert torch.equal(top.tensors["0.weight"], state(0)["0.weight"])


@pytest.mark.parametrize("name", ["ema", "state_dict_ema"])
def test_a_word_of_the_key_is_enough(name: str) -> None:
    tensors = {**under("state_dict.", state(0)), **under("state_dict_ema.", state(1))}
    chosen = choose_weights(checkpoint(tensors), net().state_dict(), name)
    assert chosen.key == "state_dict_ema"
    assert choose_weights(checkpoint(tensors), net().state_dict(), "state_dict").key == "state_dict"


def test_unknown_weights_offer_the_nearest() -> None:
    both = checkpoint({**under("student.", state(0)), **under("teacher.", state(1))})
    with pytest.raises(UsageError, match=r'no weights named techer.*Did you mean "teacher"'):
        choose_weights(both, net().state_dict(), "techer")


def test_shapes_settle_what_names_leave_open() -> None:
    small = nn.Linear(4, 2).state_dict()
    tensors = {**under("a.", nn.Linear(3, 4).state_dict()), **under("b.", small)}
    assert choose_weights(checkpoint(tensors), small).key == "b"
    with pytest.raises(UsageError, match="a, b"):
        choose_weights(checkpoint(tensors), set(small))


def test_old_files_without_batch_counters_still_cover() -> None:
    tensors = under("module.", {n: t for n, t in state().items() if "num_batches" not in n})
    assert choose_weights(checkpoint(tensors), net().state_dict()).wrappers == ("module",)


def test_no_set_that_fits_says_so() -> None:
    both = checkpoint({"student.x.weight": torch.ones(2), "teacher.x.weight": torch.ones(2)})
    with pytest.raises(InputError, match=r"none of its sets of weights \(student, teacher\) fits"):
        choose_weights(both, net().state_dict())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["conv.weight", "fc.weight"], [""]),
        (["state_dict.conv.weight", "loss.weight"], ["state_dict."]),
        (["state_dict.model.conv.weight", "state_dict.model.fc.weight"], ["state_dict.model."]),
        (["model.conv.weight", "criterion.weight"], [""]),
        (["student.a", "teacher.a", "center"], ["student.", "teacher."]),
        (["state_dict.a.b", "state_dict_ema.a.b"], ["state_dict.", "state_dict_ema."]),
        (["encoder_q.a", "encoder_k.a", "queue"], ["encoder_q.", "encoder_k."]),
        (["model", "net"], [""]),
        (["model"], [""]),
    ],
)
def test_structure_without_a_module(names: list[str], expected: list[str]) -> None:
    assert structural_prefixes(names) == expected


def test_transparent_parts_stay_where_names_would_collide() -> None:
    assert canonical(["module.a", "b.module.c"]) == {"module.a": "a", "b.module.c": "b.c"}
    assert canonical(["module.a", "a"]) == {"module.a": "module.a", "a": "a"}


def blocks(chunk: int | None, count: int = 12) -> dict[str, Tensor]:
    """A transformer's blocks, in chunks as DINOv2 trains it under FSDP, or one after the other."""
    place = {n: f"blocks.{n}" if chunk is None else f"blocks.{n // chunk}.{n}" for n in range(count)}
    return {f"{place[n]}.attn.weight": torch.full((2, 2), float(n)) for n in range(count)}


@pytest.mark.parametrize("prefix", ["", "teacher.backbone.", "module.", "_fsdp_wrapped_module."])
@pytest.mark.parametrize("chunk", [1, 3, 12])
def test_blocks_in_chunks_are_blocks(chunk: int, prefix: str) -> None:
    tensors = {**under(prefix, blocks(chunk)), f"{prefix}norm.weight": torch.ones(2)}
    wanted = {**blocks(None), "norm.weight": torch.ones(2)}
    chosen = choose_weights(checkpoint(tensors), wanted)
    assert all(torch.equal(chosen.tensors[name], tensor) for name, tensor in wanted.items())
    assert len(chosen.tensors) == len(wanted)


def test_a_module_in_chunks_keeps_its_names() -> None:
    for chunk in (3, None):
        chosen = choose_weights(checkpoint(under("module.", blocks(chunk))), blocks(3))
        assert set(chosen.tensors) == set(blocks(3))


@pytest.mark.parametrize(
    "names",
    [
        ["blocks.0.0.conv", "blocks.0.1.conv", "blocks.1.0.conv"],
        ["blocks.0.0.conv", "blocks.2.2.conv"],
        ["blocks.1.0.conv", "blocks.0.1.conv"],
        ["blocks.0.attn", "blocks.1.attn"],
        ["blocks.0.0.a", "blocks.1.b"],
        ["layers.0.blocks.0.a", "layers.1.blocks.0.a"],
    ],
)
def test_stages_of_blocks_are_no_chunks(names: list[str]) -> None:
    assert canonical(names) == dict(zip(names, names, strict=True))


def test_coverage_counts_each_prefix() -> None:
    assert coverage(["a.w", "a.b", "c.a.w"], {"w", "b"}) == {"a.": 2, "c.a.": 1}


def test_short_names_tell_prefixes_apart() -> None:
    assert short_names(["state_dict.student.backbone.", "state_dict.teacher.backbone."]) == [
        "student",
        "teacher",
    ]
    assert short_names(["", "ema."]) == [".", "ema"]


def test_optimizer_state_is_not_weights(tmp_path: Path) -> None:
    moments = {index: {"exp_avg": torch.ones(4), "step": torch.tensor(1.0)} for index in range(3)}
    content = {
        "model": state(),
        "optimizer": {"state": moments, "param_groups": [{"lr": 0.1, "params": [0, 1, 2]}]},
        "rng_state": torch.get_rng_state(),
        "epoch": 3,
    }
    found = load_checkpoint(saved(tmp_path, content))
    assert all(name.startswith("model.") for name in found.tensors)
    assert weight_names(found) == ["model"]
    assert any("tensors under optimizer are training state" in note for note in found.notes)


def test_the_same_object_twice_counts_once(tmp_path: Path) -> None:
    shared = state()
    found = load_checkpoint(saved(tmp_path, {"state_dict": shared, "ema": shared}))
    assert weight_names(found) == ["state_dict"]
    assert found.notes == ("met twice and counted once: ema",)
