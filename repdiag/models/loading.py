"""Weights into a module: by exact name and shape, all of them or none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from torch import Tensor
from torch.nn.parameter import is_lazy

from repdiag.checkpoints import Checkpoint, LoadReport, Weights, choose_weights, tensor_notes
from repdiag.checkpoints.unwrap import AUTO, OPTIONAL_SUFFIX
from repdiag.errors import InputError, UsageError
from repdiag.models.built import BuiltModel
from repdiag.models.user_code import shown_error
from repdiag.text import listing, printable


def load_into(
    model: BuiltModel, checkpoint: Checkpoint, *, weights: str = AUTO, allow_partial: bool = False
) -> LoadReport:
    """Copy the checkpoint's weights into the model, which is left in eval mode.

    Args:
        weights: `auto`, or which of several sets: `teacher`, `student`, `ema`, or a key of the file.
        allow_partial: load what fits where names or shapes differ; the report says what did not.

    Raises:
        UsageError: several sets would load and `weights` does not choose, or the module is lazy.
        InputError: names or shapes differ (the first five of each are named), or nothing fits.
    """
    state = _state(model)
    chosen, report = _best(model, checkpoint, state, weights)
    if not report.loaded or not (report.complete or allow_partial):
        raise InputError(_mismatch(report, model, checkpoint))
    fitting = {name: chosen.tensors[name] for name in report.loaded if name in chosen.tensors}
    try:
        model.target.load_state_dict(fitting, strict=False)
    except Exception as error:
        reason = shown_error(error)
        raise InputError(f"{printable(checkpoint.path)}: the model refused the weights: {reason}") from error
    model.module.eval()
    return report


def _best(
    model: BuiltModel, checkpoint: Checkpoint, state: Mapping[str, Tensor], weights: str
) -> tuple[Weights, LoadReport]:
    """The weights under the file's own names, or under the library's names for them where more fits."""
    chosen = choose_weights(checkpoint, state, weights)
    report = compare(chosen, state)
    if report.complete or model.rename is None:
        return chosen, report
    table = model.rename(list(checkpoint.tensors))
    changed = sum(old != new for old, new in table.items())
    if not changed or len(set(table.values())) < len(table):
        return chosen, report
    renamed = {table[name]: tensor for name, tensor in checkpoint.tensors.items()}
    other = choose_weights(replace(checkpoint, tensors=renamed), state, weights)
    updated = compare(other, state)
    if len(updated.loaded) <= len(report.loaded):
        return chosen, report
    note = f"{changed} names were brought up to date by the table of the model's library"
    return other, replace(updated, notes=(note, *updated.notes))


def compare(chosen: Weights, state: Mapping[str, Tensor]) -> LoadReport:
    """What of `chosen` fits a module with this state_dict; nothing is copied."""
    tensors = chosen.tensors
    mismatched = {
        name: reason
        for name in tensors.keys() & state.keys()
        if (reason := _differs(tensors[name], state[name]))
    }
    fitting = [name for name in state if name in tensors and name not in mismatched]
    tied = _tied(state, fitting)
    absent = [name for name in state if name not in tensors and name not in tied]
    missing = [name for name in absent if not name.endswith(OPTIONAL_SUFFIX)]
    extra = [name for name in tensors if name not in state]
    # No integer is a weight: old Hugging Face files carry position_ids that no module has today.
    unexpected = [name for name in extra if tensors[name].is_floating_point() or tensors[name].is_complex()]
    prefix = f"{chosen.key}." if chosen.key else ""
    buffers = tuple(f"{prefix}{name}" for name in extra if name not in unexpected)
    return LoadReport(
        loaded=tuple(name for name in state if name in fitting or name in tied),
        total=len(state) - (len(absent) - len(missing)),
        missing=tuple(missing),
        unexpected=tuple(unexpected),
        mismatched=tuple(f"{name} {mismatched[name]}" for name in state if name in mismatched),
        ignored=(*chosen.ignored, *buffers),
        key=chosen.key,
        wrappers=chosen.wrappers,
        notes=tuple(_notes(chosen, state, fitting, len(absent) - len(missing), buffers)),
    )


def _state(model: BuiltModel) -> dict[str, Tensor]:
    state = {name: value for name, value in model.target.state_dict().items() if isinstance(value, Tensor)}
    lazy = [name for name, value in state.items() if is_lazy(value)]
    if lazy:
        names = listing(lazy, 3)
        raise UsageError(
            f"{printable(model.spec)}: has parameters without a shape ({names}); run it once first"
        )
    if not state:
        raise UsageError(f"{printable(model.spec)}: has no weights to load; return the model itself")
    return state


def _differs(found: Tensor, wanted: Tensor) -> str:
    """How a tensor does not fit, or an empty string; floats fit floats, integers fit integers."""
    if found.shape != wanted.shape:
        return f"{tuple(found.shape)} for {tuple(wanted.shape)}"
    if _family(found) != _family(wanted):
        return f"{found.dtype} for {wanted.dtype}".replace("torch.", "")
    return ""


def _family(tensor: Tensor) -> str:
    return "complex" if tensor.is_complex() else "float" if tensor.is_floating_point() else "integer"


def _tied(state: Mapping[str, Tensor], fitting: Collection[str]) -> set[str]:
    """Names that share their memory with one that is loaded, as tied embeddings do."""
    loaded = {_memory(state[name]) for name in fitting}
    known = set(fitting)
    return {
        name
        for name, value in state.items()
        if name not in known and value.numel() and _memory(value) in loaded
    }


def _memory(tensor: Tensor) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride()


def _notes(
    chosen: Weights,
    state: Mapping[str, Tensor],
    fitting: Collection[str],
    counters: int,
    buffers: Collection[str],
) -> Iterator[str]:
    casts = [name for name in fitting if chosen.tensors[name].dtype != state[name].dtype]
    if casts:
        kinds = {
            f"{chosen.tensors[name].dtype} to {state[name].dtype}".replace("torch.", "") for name in casts
        }
        yield f"{len(casts)} tensors cast: {listing(sorted(kinds))}"
    if counters:
        yield f"{counters} num_batches_tracked counters are not in the file"
    if buffers:
        yield f"not weights, and not in the model: {listing(buffers)}"
    yield from tensor_notes({name: chosen.tensors[name] for name in fitting})


def _mismatch(report: LoadReport, model: BuiltModel, checkpoint: Checkpoint) -> str:
    parts = [
        f"{len(names)} {what} ({listing(names)})"
        for what, names in (
            ("missing", report.missing),
            ("unexpected", report.unexpected),
            ("of another shape", report.mismatched),
        )
        if names
    ]
    advice = "check --model and --model-arg"
    advice += ", or load what fits with --allow-partial" if report.loaded else ""
    found = f"{len(report.loaded)}/{report.total} tensors fit {printable(model.spec)}"
    return f"{printable(checkpoint.path)}: {found}: {', '.join(parts)}; {advice}"
