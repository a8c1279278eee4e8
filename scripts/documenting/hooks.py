"""Hooks of MkDocs: the tables of options, and pages for the files that the pages link to.

A page under docs/ links to a file of the repository as GitHub wants it, ``../scripts/spm.py``. On
the site such a file has a page of its own, which is made here.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+)((?:#[^)\s]*)?\))")
OPTIONS = re.compile(r"<!-- options of (\w+) -->")
LANGUAGES = {".py": "python", ".sh": "bash", ".json": "json", ".txt": "text", ".md": "markdown"}


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each file outside docs/ that a page links to."""
    wanted = {}
    for page in files.documentation_pages():
        folder = Path(page.src_uri).parent
        for _, target, _ in LINK.findall(page.content_string):
            path = _outside(folder, target)
            if path is not None:
                wanted[path] = _source_page(path)
    for path, name in sorted(wanted.items()):
        files.append(File.generated(config, name, content=_show(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let such links lead to the pages, and write the tables."""
    folder = Path(page.file.src_uri).parent

    def lead(found: re.Match[str]) -> str:
        path = _outside(folder, found[2])
        if path is None:
            return found[0]
        return f"{found[1]}{os.path.relpath(_source_page(path), folder)})"

    if page.file.src_uri.startswith("source/"):
        return markdown
    return OPTIONS.sub(_options, LINK.sub(lead, markdown))


def _options(found: re.Match[str]) -> str:
    from scripts.documenting import options  # imports torch and fairseq: seconds

    return options.write(found[1])


def _outside(folder: Path, target: str) -> str | None:
    """The path in the repository of a link that leaves docs/; None for one that does not."""
    path = os.path.normpath(Path("docs", folder, target))
    return None if path.startswith("docs/") or not (ROOT / path).exists() else path


def _source_page(path: str) -> str:
    return f"source/{path}.md"


def _show(path: str) -> str:
    """A file as a page, or a folder's list of files."""
    file = ROOT / path
    about = "---\nhide: [toc]\nsearch:\n  exclude: true\n---\n"
    if file.is_dir():
        names = sorted(each.name for each in file.iterdir() if not each.name.startswith(("_", ".")))
        return f"{about}# {path}/\n\n" + "\n".join(f"- `{name}`" for name in names) + "\n"
    language = LANGUAGES.get(file.suffix, "text")
    return f"{about}# {path}\n\n````{language}\n{file.read_text('utf-8')}\n````\n"
