"""Files that were damaged, or repaired badly by hand: seeded changes of bytes, lines and values."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

ODD: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    2.5,
    -0.0,
    float("nan"),
    float("inf"),
    10**30,
    -(10**30),
    10**400,
    2**63,
    "",
    "x",
    "3",
    "é\u2028",
    "../x",
    "/",
    "\0",
    [],
    {},
    [None],
    [[]],
    [1, "a"],
    {"a": 1},
    {"": None},
    {"background": 0},
    ["x"] * 40,
]
"""What stands where something else belongs."""


def mutant(content: bytes, suffix: str, seed: int) -> bytes:
    """Another content of a file; the same for the same seed."""
    chance = random.Random(f"{suffix} {seed}")
    changes: list[Callable[[bytes, random.Random], bytes]] = [_bytes]
    if suffix in (".json", ".yaml"):
        changes = [_value(suffix)] * 6 + [_bytes, _text]
    elif suffix == ".csv":
        changes = [_cells] * 4 + [_bytes, _text]
    return chance.choice(changes)(content, chance)


def _value(suffix: str) -> Callable[[bytes, random.Random], bytes]:
    def change(content: bytes, chance: random.Random) -> bytes:
        tree = json.loads(content) if suffix == ".json" else yaml.safe_load(content)
        for _ in range(chance.choice([1, 1, 1, 2, 4])):
            tree = _changed(tree, chance)
        return (json.dumps(tree) if suffix == ".json" else yaml.safe_dump(tree, sort_keys=False)).encode()

    return change


def _changed(tree: Any, chance: random.Random) -> Any:
    """Returns the tree with one of its nodes replaced, removed, renamed or repeated."""
    places = list(_places(tree))
    if not places or chance.random() < 0.05:
        return deepcopy(chance.choice(ODD))
    node, key = chance.choice(places)
    act = chance.random()
    if act < 0.6:
        node[key] = deepcopy(chance.choice(ODD))
    elif act < 0.75:
        del node[key]
    elif act < 0.85 and isinstance(node, dict):
        node[f"{key}_"] = node.pop(key)
    elif isinstance(node, list):
        node.extend(list(node))
    else:
        other, name = chance.choice(places)
        node[key] = json.loads(json.dumps(other[name])) if name in other or isinstance(other, list) else None
    return tree


def _places(node: Any) -> Any:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(inner):
        yield node, key
        yield from _places(value)


def _bytes(content: bytes, chance: random.Random) -> bytes:
    """Cut, holes, bits, other encodings."""
    at = chance.randrange(len(content) + 1)
    head = min(len(content), chance.choice([16, 64, 400, len(content)]))
    early = chance.randrange(head + 1)
    size = chance.choice([1, 2, 8, 64])
    noise = bytes(chance.randrange(256) for _ in range(size))
    return chance.choice(
        [
            content[:at],
            content[:early],
            b"",
            content[:early] + noise + content[early + size :],
            content[:at] + noise + content[at + size :],
            content[:at] + noise + content[at:],
            content[:early] + content[early + size :],
            content + noise,
            b"\xef\xbb\xbf" + content,
            content.replace(b"\n", b"\r\n"),
            bytes(len(content)),
            content[:at] + b"\0" + content[at:],
            b"\xff\xfe" + content.decode("latin-1").encode("utf-16-le"),
        ]
    )


TEXTS = [
    "[" * 5000,
    "{" * 3000,
    '{"a":' * 5000,
    "9" * 5000,
    "null",
    "3",
    '"x"',
    "[]",
    "{}",
    "a: 2024-13-45",
    "a: !!int abc",
    "a: !!bool abc",
    "a: !!python/object:os.system {}",
    "a: &a [*a]",
    "? [a]\n: b",
    "2024-01-01: 1",
    "a: .inf",
    "---\na: 1\n---\nb: 2",
    "\t",
    "NaN",
    "a: !!binary x",
    "a: !!timestamp x",
    "<<: 3",
    "? {}\n: 1",
]


def _text(content: bytes, chance: random.Random) -> bytes:
    """Returns other text, or text with lines removed, repeated or exchanged."""
    if chance.random() < 0.6:
        return chance.choice(TEXTS).encode()
    lines = content.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return b"".join(chance.choice([lines[:at] + lines[at + 1 :], lines[:at] * 2, lines[::-1], lines[at:]]))


CELLS = [
    "",
    "x",
    "-1",
    "nan",
    "inf",
    "1e400",
    "1e30",
    '"',
    "=1",
    "3.5",
    " ",
    "True",
    "é",
    "9" * 5000,
    ",",
    "0",
]


def _cells(content: bytes, chance: random.Random) -> bytes:
    """A table with other cells."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(chance.choice([1, 1, 3])):
        row = chance.choice(rows)
        row[chance.randrange(len(row))] = chance.choice(CELLS)
    return "\n".join(",".join(row) for row in rows).encode()


def put(path: Path, seed: int) -> None:
    """Replace a file by one of its mutants."""
    path.write_bytes(mutant(path.read_bytes(), ".yaml" if path.suffix == ".yml" else path.suffix, seed))
