"""A pickle as data: classes and calls become records of their names, and nothing is imported or run."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_OPCODES = 20_000_000


@dataclass(eq=False, slots=True)
class Inert:
    """What a pickle names or would make: the dotted name, the arguments of the call, the state."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None


def read_inert(raw: bytes) -> tuple[Any, tuple[str, ...]]:
    """What the pickle holds, and the names of all globals in it, in order of appearance.

    Raises:
        ValueError, IndexError, KeyError, TypeError, AttributeError: not a pickle, or of opcodes that
            plain data does not need.
    """
    machine = _Machine()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
        if count > MAX_OPCODES:
            raise ValueError("too many opcodes")
        if opcode.name == "STOP":
            break
        machine.step(opcode.name, argument)
    return machine.stack[-1], tuple(machine.names)


class _Machine:
    """The stack machine of pickle, of which calling is left out."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.names: dict[str, None] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _IGNORED:
            return
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _LITERALS:
            self.stack.append(argument)
        else:
            _ACTIONS[name](self, argument)

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        found = self.stack[start:]
        del self.stack[start:]
        return found

    def named(self, name: str) -> None:
        self.names[name] = None
        self.stack.append(Inert(name))


_IGNORED = {"PROTO", "FRAME"}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": set,
}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING"),
}


def _mark(machine: _Machine, argument: Any) -> None:
    machine.marks.append(len(machine.stack))


def _pop(machine: _Machine, argument: Any) -> None:
    machine.stack.pop()


def _put(machine: _Machine, argument: Any) -> None:
    machine.memo[len(machine.memo) if argument is None else argument] = machine.stack[-1]


def _get(machine: _Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[argument])


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    def make(machine: _Machine, argument: Any) -> None:
        if len(machine.stack) < count:
            raise IndexError("a tuple of more than there is")
        found = tuple(machine.stack[-count:])
        del machine.stack[-count:]
        machine.stack.append(found)

    return make


def _tuple(machine: _Machine, argument: Any) -> None:
    machine.stack.append(tuple(machine.since_mark()))


def _appends(machine: _Machine, argument: Any) -> None:
    values = machine.since_mark()
    machine.stack[-1].extend(values)


def _append(machine: _Machine, argument: Any) -> None:
    value = machine.stack.pop()
    machine.stack[-1].append(value)


def _add_items(machine: _Machine, argument: Any) -> None:
    values = machine.since_mark()
    machine.stack[-1].update(values)


def _set_item(machine: _Machine, argument: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _items(machine.stack[-1])[key] = value


def _set_items(machine: _Machine, argument: Any) -> None:
    values = machine.since_mark()
    _items(machine.stack[-1]).update(zip(values[::2], values[1::2], strict=True))


def _items(owner: Any) -> dict[Any, Any]:
    """Of a mapping, or of what a call would have made, such as an OrderedDict."""
    if isinstance(owner, Inert):
        found: dict[Any, Any] = owner.state if isinstance(owner.state, dict) else {}
        owner.state = found
        return found
    if not isinstance(owner, dict):
        raise TypeError("items for what is no mapping")
    return owner


def _global(machine: _Machine, argument: Any) -> None:
    machine.named(str(argument).replace(" ", ".", 1))


def _stack_global(machine: _Machine, argument: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.named(f"{module}.{name}")


def _made(machine: _Machine, argument: Any) -> None:
    args, made = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Inert(made.name, tuple(args)))


def _build(machine: _Machine, argument: Any) -> None:
    state = machine.stack.pop()
    if not isinstance(machine.stack[-1], Inert):
        raise TypeError("state for what has none")
    machine.stack[-1].state = state


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _mark,
    "POP": _pop,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "TUPLE": _tuple,
    **{f"TUPLE{count}": _tuple_of(count) for count in (1, 2, 3)},
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _add_items,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _made,
    "NEWOBJ": _made,
    "BUILD": _build,
}
