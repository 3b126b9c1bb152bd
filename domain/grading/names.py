"""The declarations that a text means by words as they stand in the files: identifiers, calls, left-hand sides, lines.

Rule 1: the registry's own names come first; a word of a line that they name means them. Rule 2: a word that stands in lines of
many declarations means none of them. Rule 3: a line means every declaration that it would be another line for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from domain.grading import declarations
from domain.grading.descriptions import DESCRIPTIONS, stem
from domain.grading.edits.places import WrittenCode, WrittenDocument, written
from domain.grading.entries import artifact_named, declaration_named
from domain.grading.rubric_1.naming import fields_named
from domain.grading.rubric_1.naming import file_named as file_in_words
from domain.grading.written_run import WrittenRun, run_of
from domain.scenario import Truth
from domain.types import ARTIFACT_NAMES, ArtifactName

MAX_MEANT = 3
"""A word that stands in lines of more declarations means none."""
MAX_LINES = 3
"""A text that refers to more lines points at none."""
MAX_CHARACTERS = 300


class Named(NamedTuple):
    """What a text names."""

    fields: frozenset[str]
    """By the names of the registry and its aliases."""
    standing: frozenset[str] = frozenset()
    """By words or lines of the files."""
    around: frozenset[str] = frozenset()
    """All whose lines a word of the files stands in, however many they are."""
    is_blank: bool = False
    """Whether there is no text."""


NOTHING = Named(frozenset(), is_blank=True)


def file_named(text: str | None) -> ArtifactName | None:
    """The one artifact that a text names: also ``.yml``, with a folder in front, and with a line behind it."""
    if not text:
        return None
    found = file_in_words(re.sub(r"\.yml\b", ".yaml", text, flags=re.IGNORECASE))
    if found is not None:
        return found
    alone = re.sub(r"(?:[:#]L?\d+)+(?:-L?\d+)?\Z", "", text.strip().strip("`'\""))
    named = [one for one in ARTIFACT_NAMES if one.rpartition(".")[0] == alone.lower()]
    return named[0] if len(named) == 1 else artifact_named(alone)


def named_in(text: str | None, truth: Truth, accepted: frozenset[str] = frozenset()) -> Named:
    """What a text names in a run.

    Args:
        accepted: where the registry's names name these alone, the files are not searched, which costs much.
    """
    if not text or not text.strip():
        return NOTHING
    text, run = re.sub(r"\.yml\b", ".yaml", text[:MAX_CHARACTERS], flags=re.IGNORECASE), run_of(truth)
    fields = fields_by_registry(text, truth)
    return Named(fields) if fields and fields <= accepted else _named_in(text, run, fields)


def fields_by_registry(text: str, truth: Truth) -> frozenset[str]:
    """The fields that a text names by names of the registry, its aliases or a description."""
    if not text.strip():
        return frozenset()
    run = run_of(truth)
    alone = declaration_named(run, _file_in(text) or "", text)
    if alone is not None:
        return frozenset({alone.field})
    if declarations.is_declared(truth):
        found = declarations.paths_named(declarations.state_of(truth), text)
    else:
        found = frozenset(spec.field for spec in fields_named(text))
    described = _described(text, run, found)
    return frozenset({described}) if described is not None else found


MAX_WORDS = 12
"""A text with more words is no description of one field."""


def _described(text: str, run: WrittenRun, found: frozenset[str]) -> str | None:
    """The one field that the words describe best; where names were found, only another field of the same object."""
    words = _stems(text)
    owners = {field.rpartition(".")[0] for field in found}
    if not 0 < len(words) <= MAX_WORDS or len(owners) > 1 or re.search(r"[,;/]|\b(?:or|and)\b", text):
        return None
    best: dict[int, set[str]] = {}
    for field, groups in _descriptions(run):
        if (not owners or field.rpartition(".")[0] in owners) and all(group & words for group in groups):
            best.setdefault(len(groups), set()).add(field)
    fitting = best[max(best)] if best else set()
    is_more = max(best, default=0) >= (2 if found else 1)
    return fitting.pop() if len(fitting) == 1 and is_more else None


def _stems(text: str) -> frozenset[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    both = f"{apart} {text}".lower()  # StandardScaler is one word and two
    return frozenset(stem(word) for word in re.findall(r"[a-z0-9]+", both)) - _FILLERS


_FILLERS = frozenset("the a an in at for to is are be which that it its this with from instead".split())
"""Words that do not count against the length of a description."""


@lru_cache(maxsize=64)
def _descriptions(run: WrittenRun) -> tuple[tuple[str, tuple[frozenset[str], ...]], ...]:
    """Field to groups of stems, each description a row."""
    found = []
    for declaration in run.declarations:
        parts = declaration.field.split(".")
        named = [part for part in parts[:-1] if part not in ("sources", "columns", "features")]
        is_own = len(parts) > 2 or parts[0] in ("sources", "features")
        names = [frozenset({stem(word)}) for part in named for word in part.split("_")] if is_own else []
        for description in DESCRIPTIONS.get(parts[-1] if is_own else declaration.field, ()):
            groups = [frozenset(map(stem, group.split("|"))) for group in description.split(" ")]
            found.append((declaration.field, (*names, *groups)))
    return tuple(found)


@lru_cache(maxsize=1024)
def _named_in(text: str, run: WrittenRun, fields: frozenset[str]) -> Named:
    file = _file_in(text)
    files = [one for one in run.files if file in (None, one)]
    rest = _without_file(text)
    lines = _lines_referred_to(text)
    for one in files:
        if file is None and lines and one.endswith(".yaml"):
            continue  # a line without a file is one of the code
        found = _in_lines(run, one, lines)
        if found:
            return Named(fields, found, found)
    whole = _of_all(_by_quotation(rest, run, one, is_whole=True) for one in files)
    if whole:
        return Named(frozenset(), whole, whole)  # the names in it are the line's
    quoted = _of_all(_by_quotation(rest, run, one, is_whole=False) for one in files)
    if quoted:
        return Named(fields, quoted, quoted)
    around = _of_all(_by_word(rest, run, one) for one in files)
    is_clear = len(around) <= MAX_MEANT and not fields & around
    return Named(fields, around if is_clear else frozenset(), around)


def _of_all(found: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*found)


def _file_in(text: str) -> ArtifactName | None:
    """The one file whose name stands in a text."""
    named = [name for name, pattern in _FILES.items() if pattern.search(text)]
    return named[0] if len(named) == 1 else None


_FILES = {name: re.compile(rf"(?<![\w.-]){re.escape(name)}\b", re.IGNORECASE) for name in ARTIFACT_NAMES}


def _without_file(text: str) -> str:
    for name in ARTIFACT_NAMES:
        stem, _, ending = name.rpartition(".")
        text = re.sub(rf"[\w./-]*\b{re.escape(stem)}\.(?:{ending}|yml)\b[:#/]*", " ", text, flags=re.IGNORECASE)
    return text.strip()


_LINE = re.compile(r"(?:\blines?\s*|(?:^|[\s:#(])L?)(\d{1,4})(?:\s*[-–]\s*L?(\d{1,4}))?(?=$|[\s:,.)])", re.IGNORECASE)


def _lines_referred_to(text: str) -> set[int]:
    """Numbers of lines in ``path:12``, ``line 12``, ``L12``, ``12-14``; none where they are too many."""
    is_reference = re.search(r"\blines?\b|\.(?:py|ya?ml)[:#]+L?\d|^\W*L?\d+\W*$|\bL\d", text, re.IGNORECASE)
    found: set[int] = set()
    for one in _LINE.finditer(text) if is_reference else ():
        last = int(one[2] or one[1])
        found |= set(range(int(one[1]), min(last, int(one[1]) + MAX_LINES) + 1))
    return found if len(found) <= MAX_LINES else set()


def _in_lines(run: WrittenRun, file: ArtifactName, lines: set[int]) -> frozenset[str]:
    known = written(run, file).lines if lines else {}
    return frozenset(one.field for line in lines for one in known.get(line, ()))


def _by_quotation(text: str, run: WrittenRun, file: ArtifactName, *, is_whole: bool) -> frozenset[str]:
    """The declarations of the lines that a text quotes, whole or in part."""
    quoted = _compact(text)
    if len(quoted) < 6 or not (re.search(r"[=(\[:]", text) or (is_whole and " " in text)):
        return frozenset()
    lines = {
        number
        for number, line in enumerate(run.text(file).splitlines(), 1)
        if len(shown := _compact(line)) >= 6 and (_is_part(shown, quoted) if is_whole else _is_part(quoted, shown))
    }
    return _in_lines(run, file, lines) if len(lines) <= MAX_LINES else frozenset()


def _is_part(part: str, whole: str) -> bool:
    place = whole.find(part)
    if place < 0:
        return False
    before, behind = whole[:place][-1:], whole[place + len(part) :][:1]
    return not (before.isalnum() and part[0].isalnum()) and not (behind.isalnum() and part[-1].isalnum())


def _compact(line: str) -> str:
    """Without comment, quotation marks and blanks."""
    return re.sub(r"['\"`\s]", "", line.partition("  #")[0]).rstrip(",;").lower()


_NAME = re.compile(r"[A-Za-z_][\w]*(?:\(\))?(?:\.[A-Za-z_]\w*(?:\(\))?)*(?=\W|$)")


def _by_word(text: str, run: WrittenRun, file: ArtifactName) -> frozenset[str]:
    """The declarations in whose lines the one name of a text stands."""
    words = _words(written(run, file))
    bare = re.sub(r"\(.*\)", "", text).strip().strip("`'\"").strip()
    names = [bare] if _NAME.fullmatch(bare) else _names_as_code(text)
    if len(names) != 1:
        return frozenset()
    lines = _lines_of(names[0].lower().removesuffix("()"), words)
    return _in_lines(run, file, set(lines))


def _lines_of(name: str, words: Mapping[str, frozenset[int]]) -> frozenset[int]:
    """Where a name stands, of ``function.name`` the lines of the name in the function; a single letter is no name."""
    if len(name) < 2:
        return frozenset()
    if name in words:
        return words[name]
    head, _, leaf = name.rpartition(".")
    inside = f"def {head.rpartition('.')[2]}"
    if head and leaf in words and inside in words:
        return words[leaf] & words[inside]
    return frozenset()


def _names_as_code(text: str) -> list[str]:
    """The words of a sentence that look like code: quoted, called, dotted, or with an underscore or a capital inside."""
    quoted = re.findall(r"[`'\"]([A-Za-z_][\w.]*)(?:\(.*?\))?[`'\"]", text)
    if quoted:
        return list(dict.fromkeys(quoted))
    found = [one[0] for one in re.finditer(r"[A-Za-z_][\w.]*\w(?:\(\))?", text)]
    return list(dict.fromkeys(one for one in found if re.search(r"_|\w\.\w|\(\)|[a-z][A-Z]|[A-Z]{3}", one)))


@lru_cache(maxsize=64)
def _words(of: WrittenCode | WrittenDocument) -> Mapping[str, frozenset[int]]:
    """Lower-case name to the lines that it stands in; ``def name`` to the lines of a function."""
    found: dict[str, set[int]] = {}
    if isinstance(of, WrittenDocument):
        for path, leaf in of.leaves.items():
            value = str(leaf.value)
            words = (value, *re.findall(r"[A-Za-z_]\w*", value))
            for word in (*path, *words, *(".".join(path[at:]) for at in range(len(path)))):
                found.setdefault(word.lower(), set()).add(leaf.line)
    else:
        for node in ast.walk(ast.parse("\n".join(of.shown.lines))):
            for name in _names_of(node):
                found.setdefault(name.lower(), set()).add(node.lineno)  # type: ignore[attr-defined]
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                found.setdefault(f"def {node.name.lower()}", set()).update(lines)
    return {name: frozenset(lines) for name, lines in found.items()}


def _names_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name():
            yield node.id
        case ast.Attribute():
            chain = _chain(node)
            yield from (".".join(chain[at:]) for at in range(len(chain)))
        case ast.keyword() | ast.arg() if node.arg:
            yield node.arg
        case ast.FunctionDef() | ast.ClassDef():
            yield node.name
        case ast.alias():
            yield node.name
        case ast.Constant(value=str() as text):
            yield from {text, *re.findall(r"[A-Za-z_]\w*", text)}


def _chain(node: ast.expr) -> list[str]:
    """``StandardScaler().fit_transform`` as its names."""
    match node:
        case ast.Attribute():
            return [*_chain(node.value), node.attr]
        case ast.Call():
            return _chain(node.func)
        case ast.Name():
            return [node.id]
    return []
