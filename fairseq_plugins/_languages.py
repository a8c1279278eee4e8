"""Names of languages, as fairseq allows them (``zh-CN``), and what file names tell of them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeGuard

from .errors import S2SError

DATA = re.compile(r"[^.]+\.(?P<one>.+)-(?P<other>.+)\.((?P=one)|(?P=other))(\.[^.]+)?")


def is_language(name: object) -> TypeGuard[str]:
    """Whether something is a language's name: letters, digits and ``_``; inside also ``-`` or ``.``

    It becomes part of a file's name, so that none may lead to another folder.
    """
    if not isinstance(name, str) or not name or {name[0], name[-1]} & {"-", "."}:
        return False
    return f"_{name.replace('-', '_').replace('.', '_')}".isidentifier()


def check_languages(languages: Sequence[str]) -> tuple[str, str]:
    """Source and target language.

    Raises:
        S2SError: for what is no pair of languages
    """
    if len(languages) != 2 or isinstance(languages, str):
        raise S2SError(f"languages is {languages!r}, but must be a pair (SOURCE, TARGET).")
    for name in languages:
        if not is_language(name):
            raise S2SError(
                f"The language {name!r} is no name for files: use letters, digits and _, and "
                "inside - or . too."
            )
    return languages[0], languages[1]


def dictionary_file(language: str) -> str:
    """The name of a language's dictionary."""
    return f"dict.{language}.txt"


def dictionary_language(file: str) -> str | None:
    """The language of a dictionary by its file's name; None for a file that is none."""
    if not file.startswith("dict.") or not file.endswith(".txt"):
        return None
    language = file[len("dict.") : -len(".txt")]
    return language if is_language(language) else None


def dictionary_languages(folder: Path) -> list[str]:
    """The languages of the dictionaries in a folder, sorted."""
    files = sorted(path.name for path in folder.glob("dict.*.txt"))
    return [language for file in files if (language := dictionary_language(file))]


def data_languages(folder: Path) -> tuple[str, str] | None:
    """Source and target by the names of data, ``train.zh-CN-en.zh-CN.bin``; None without any.

    fairseq's own way finds no language with a ``-`` in it, and takes ``dict.zh-CN.txt`` for data.
    """
    for path in sorted(folder.glob("*.*-*.*")):
        if found := DATA.fullmatch(path.name):
            languages = found["one"], found["other"]
            if all(map(is_language, languages)):
                return languages
    return None
