"""Ways to damage bytes, each by a seed."""

from __future__ import annotations

import random


def mutant(image: bytes, seed: int) -> bytes:
    """`image` with one kind of damage, chosen and placed by the seed."""
    dice = random.Random(seed)
    kinds = (bits, bits, bytes_, zeros, cut, swapped, repeated, numbers)
    return bytes(kinds[seed % len(kinds)](bytearray(image), dice))


def flipped(image: bytes, seed: int) -> bytes:
    """One bit."""
    dice, found = random.Random(seed), bytearray(image)
    found[dice.randrange(len(found))] ^= 1 << dice.randrange(8)
    return bytes(found)


def bits(image: bytearray, dice: random.Random) -> bytearray:
    for _ in range(dice.choice([1, 1, 2, 16])):
        image[_place(image, dice)] ^= 1 << dice.randrange(8)
    return image


def bytes_(image: bytearray, dice: random.Random) -> bytearray:
    for _ in range(dice.choice([1, 3, 12, 60])):
        image[_place(image, dice)] = dice.choice([0, 0xFF, 0x80, dice.randrange(256)])
    return image


def zeros(image: bytearray, dice: random.Random) -> bytearray:
    start, length = _place(image, dice), dice.choice([8, 64, 512])
    stop = min(start + length, len(image))
    image[start:stop] = bytes(stop - start)
    return image


def cut(image: bytearray, dice: random.Random) -> bytearray:
    return image[: dice.randrange(len(image))]


def swapped(image: bytearray, dice: random.Random) -> bytearray:
    """Two stretches change places."""
    length = min(64, len(image) // 2)
    first, second = sorted(dice.randrange(len(image) - length) for _ in range(2))
    a, b = image[first : first + length], image[second : second + length]
    image[first : first + length], image[second : second + length] = b, a
    return image


def repeated(image: bytearray, dice: random.Random) -> bytearray:
    start = dice.randrange(len(image))
    return image[:start] + image[start : start + dice.choice([1, 100, 4096])] + image[start:]


def numbers(image: bytearray, dice: random.Random) -> bytearray:
    """A length or an address that is huge, negative or off by one."""
    value = dice.choice([2**63, 2**64 - 1, 2**31, 2**40, len(image), len(image) - 8, 1])
    start = _place(image, dice) & ~7
    image[start : start + 8] = value.to_bytes(8, "little")
    return image


def _place(image: bytearray, dice: random.Random) -> int:
    """Half of all damage goes to the first kilobytes, where headers and metadata are."""
    return dice.randrange(min(len(image), dice.choice([len(image), 2048])))
