"""What ``scripts/report.py`` puts together: models, test set, sections, page."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairseq_plugins.errors import S2SError
from fairseq_plugins.folder import FolderError, replacing

from .arguments import SECTIONS, parse

if TYPE_CHECKING:
    from .answering import Settings
    from .section import Section
    from .subject import Answers, Subject, TestSet


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the report; 1 with one sentence for what cannot be reported on."""
    options = parse(arguments)
    try:
        run(options)
    except (S2SError, FolderError) as error:
        print(f"report.py: {str(error).rstrip('.')}.", file=sys.stderr)
        return 1
    except OSError as error:
        place = f" {error.filename}" if error.filename else ""
        print(
            f"report.py: Reading or writing{place} failed: {error.strerror or error}.",
            file=sys.stderr,
        )
        return 1
    return 0


def run(options: argparse.Namespace) -> None:
    """Write the report.

    Raises:
        S2SError, FolderError, OSError: for bad input
    """
    from . import loading, page

    with replacing(options.out, page.foreign) as built, subjects(options) as loaded:
        work = prepare(options, loaded)
        sections = [found for build in builders(options) if (found := build(work))]
        if not sections:
            raise S2SError(
                f"There is nothing to report on in {' and '.join(options.sections)}: curves need a "
                f"{loading.LOG} beside a model, significance needs two models."
            )
        facts, data = about(options, work)
        page.write(built, options.title or _title(work.test), sections, facts, data)
    print(f"The report is {options.out / 'index.html'}.")


@dataclass
class Work:
    """What the sections are made of; the answers are searched for when one first needs them."""

    options: argparse.Namespace
    subjects: "list[Subject]"
    test: "TestSet"
    settings: "Settings"
    _answers: "list[Answers]" = field(default_factory=list)

    @property
    def answers(self) -> "list[Answers]":
        """Of each model."""
        from .answering import answer

        if not self._answers:
            cache = self.options.cache
            self._answers = [
                answer(each, self.test, self.settings, cache) for each in self.subjects
            ]
        return self._answers


def builders(options: argparse.Namespace) -> "list[Callable[[Work], Section | None]]":
    """What makes each section that was asked for, in the order of the page."""
    asked = [name for name in SECTIONS if name in (options.sections or SECTIONS)]
    found = [BUILDERS[name] for name in asked if name in BUILDERS]
    if "dialogue" in asked:
        found += [partial(_dialogue, *pair) for pair in options.dialogue or ()]
    return found


@contextmanager
def subjects(options: argparse.Namespace) -> "Iterator[list[Subject]]":
    """The models; their threads end with this."""
    from . import loading

    _quiet()
    named = [loading.split_name(argument) for argument in options.models]
    names = [name for name, _ in named]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise S2SError(f"Two models are called {repeated[0]}: name them NAME=PATH.")
    languages = _languages(options, named[0][1])
    loaded: list[Subject] = []
    try:
        for name, path in named:
            loaded.append(loading.load(name, path, options.data, languages))
        yield loaded
    finally:
        for each in loaded:
            each.model.close()


def prepare(options: argparse.Namespace, loaded: "list[Subject]") -> Work:
    """Read the test set."""
    from . import testset
    from .answering import Settings

    config = loaded[0].model.task.cfg
    languages = (config.source_lang, config.target_lang)
    if options.sources:
        test = testset.read_text(options.sources, options.references, languages)
    else:
        test = testset.read_subset(options.data, options.subset, languages)
    settings = Settings(options.beam, options.lenpen)
    return Work(options, loaded, testset.first(test, options.limit), settings)


def about(options: argparse.Namespace, work: Work) -> tuple[dict[str, str], dict[str, Any]]:
    """What the page says of itself, and the same as data."""
    import fairseq
    import sacrebleu
    import torch

    import fairseq_plugins

    modules = (fairseq_plugins, fairseq, torch, sacrebleu)
    versions = {module.__name__: str(module.__version__) for module in modules}
    where = str(options.sources or f"{options.data}, subset {options.subset}")
    settings = {"beam": options.beam, "lenpen": options.lenpen}
    data = {
        "date": date.today().isoformat(),
        "models": {each.name: str(each.path) for each in work.subjects},
        "test set": where,
        "sentences": len(work.test.sources),
        "languages": [work.test.source_language, work.test.target_language],
        "settings": settings,
        "versions": versions,
    }
    facts = {f"model {name}": path for name, path in data["models"].items()}
    facts["test set"] = f"{where}: {len(work.test.sources):,} sentences"
    facts["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    facts["made"] = f"{data['date']} by scripts/report.py"
    return facts, data


def _overview(work: Work) -> "Section":
    from . import overview

    return overview.section(work.answers, work.test, work.settings)


def _lengths(work: Work) -> "Section":
    from . import lengths

    return lengths.section(work.answers, work.test)


def _significance(work: Work) -> "Section | None":
    from . import significance

    return significance.section(work.answers, work.test) if len(work.subjects) > 1 else None


def _curves(work: Work) -> "Section | None":
    from . import curves

    return curves.section(work.subjects)


def _alignments(work: Work) -> "Section | None":
    from . import alignments, testset

    file = work.options.sentences
    sentences = [line for line in testset.read_lines(file) if line.strip()] if file else None
    if file and not sentences:
        raise S2SError(f"There is no sentence in {file}: write one on each line.")
    return alignments.section(work.answers, work.test, sentences=sentences)


def _dialogue(language: str, subset: str | None, work: Work) -> "Section":
    from . import dialogue, testset

    folder, languages = work.options.data, (work.test.source_language, work.test.target_language)
    valid = testset.read_subset(folder, "valid", languages)
    test = testset.read_subset(folder, subset or work.options.subset, languages)
    count = work.options.messages
    return dialogue.section(work.subjects, valid, test, language, messages=count)


BUILDERS: "dict[str, Callable[[Work], Section | None]]" = {
    "overview": _overview,
    "lengths": _lengths,
    "significance": _significance,
    "curves": _curves,
    "alignments": _alignments,
}


def _languages(options: argparse.Namespace, checkpoint: Path) -> tuple[str, str]:
    """Source and target: as given, else the first model's, else the data's."""
    from . import loading

    if options.source_lang:
        return options.source_lang, options.target_lang
    return loading.languages_of(checkpoint, options.data)


def _quiet() -> None:
    """Only warnings: importing fairseq lets everything through, and matplotlib is talkative."""
    for name in ("", "sacrebleu"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _title(test: "TestSet") -> str:
    return f"Models compared: {test.source_language} → {test.target_language}"
