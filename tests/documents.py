"""The documents as tests read them: their fenced blocks, and the commands that they tell people to run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^ *```$", flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: as it is marked, such as `sh`.
        code: what is in it.
        before: the text between the block before, or the beginning, and this one.
    """

    language: str
    code: str
    before: str


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a document, or of a part of one."""
    end = 0
    for found in _FENCED.finditer(text):
        yield Block(found["language"], found["code"], text[end : found.start()])
        end = found.end()
