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


DOCUMENTS = [
    path
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])
    if path.name != "CHANGELOG.md"
]

# How a document says that no test runs a command, and why: behind it, at the end of what is before its block, or once
# for a page.
_NEEDS = "(?P<needs>needs AWS|needs GitHub|takes minutes)"
_PAGE_MARK = re.compile(rf"\(each {_NEEDS}\)")
_BLOCK_MARK = re.compile(rf"\({_NEEDS}\)[.:]?$")
# A script with something behind it: its name alone is spoken of, not told to be run.
_INLINE = re.compile(rf"`(?P<text>(?:[A-Z_]+=\S+ )?scripts/[^`\s]+\s[^`]+)`(?:\s\({_NEEDS}\))?")

# What the tests of one document run whole: its blocks in their order, but for those that are marked.
RUN_WHOLE = {
    "README.md": "tests/e2e/test_documented_commands.py",
    "docs/clients.md": "tests/e2e/test_clients_document.py",
    "docs/extending.md": "tests/stack/test_extending.py",
}
# What other tests run, or the tests are themselves.
RUN_ELSEWHERE = {
    "scripts/local.sh up": "tests/e2e/conftest.py",
    "scripts/local.sh down": "tests/e2e/conftest.py",
    "scripts/local.sh status": "tests/e2e/test_local_command.py",
    "scripts/deploy.sh local": "tests/e2e/test_deploy_command.py",
    "scripts/dlq.sh list": "tests/e2e/test_dlq.py",
    "scripts/dlq.sh redrive": "tests/e2e/test_dlq.py",
    "scripts/test.sh": ".ci/run",
    "scripts/run.sh --dev -- basedpyright": "tools/checks.py",
    "scripts/run.sh --dev -- ruff check .": "tools/checks.py",
}
# What the README and pages that are written by programs say in other words.
TOLD_OTHERWISE = {
    "scripts/telemetry.sh prices": "needs AWS",
    "scripts/telemetry.sh document faults": "takes minutes",
}


def need_of(block: Block) -> str:
    """Return why no test runs a block, as the text before it says; empty where one does."""
    told = _BLOCK_MARK.search(block.before.rstrip())
    return told["needs"] if told else ""


def without_blocks(text: str) -> str:
    """Return a document, or a part of one, without its fenced blocks."""
    return _FENCED.sub("", text)


@dataclass(frozen=True)
class Command:
    """What a document tells people to run.

    Attributes:
        document: where it stands, from the root.
        text: as it stands there: a line, or a whole program.
        needs: why no test runs it, as the document says; empty where one does.
        block: the language of the block that it stands in; empty where it stands in a line of text.
    """

    document: str
    text: str
    needs: str
    block: str


def commands() -> list[Command]:
    """Return the commands of all documents: blocks of `sh`, lines of `console`, scripts with arguments in the text."""
    return [command for path in DOCUMENTS for command in commands_of(str(path.relative_to(ROOT)), path.read_text())]


def commands_of(document: str, text: str) -> Iterator[Command]:
    """Yield the commands of a document."""
    page = _PAGE_MARK.search(text)
    of_page = page["needs"] if page else ""
    for block in blocks_of(text):
        needs = need_of(block) or of_page
        if block.language == "sh":
            yield Command(document, block.code, needs, block.language)
        elif block.language == "console":
            for line in block.code.splitlines():
                if line.startswith("$ "):
                    yield Command(document, line.removeprefix("$ "), needs, block.language)
    for found in _INLINE.finditer(without_blocks(text)):
        line = " ".join(found["text"].split())
        yield Command(document, line, found["needs"] or TOLD_OTHERWISE.get(line) or of_page, "")


def is_run_elsewhere(command: Command) -> bool:
    """Tell whether a test of its own runs it."""
    is_run_whole = command.block == "sh" and not command.needs and command.document in RUN_WHOLE
    return command.text in RUN_ELSEWHERE or is_run_whole


def is_of_the_local_cloud(text: str) -> bool:
    """Tell whether it is to be run while the local cloud is up."""
    return (
        re.search(r"scripts/(telemetry\.sh )?(local|dlq|follow|fleet|watch)\b|\.local/|\$TELEMETRY_", text) is not None
    )


def to_be_run(*, in_the_local_cloud: bool) -> list[str]:
    """Return the texts of the commands that no test of their own runs and no document marks, each once."""
    texts = [each.text.strip() for each in commands() if not each.needs and not is_run_elsewhere(each)]
    return [text for text in dict.fromkeys(texts) if is_of_the_local_cloud(text) == in_the_local_cloud]
