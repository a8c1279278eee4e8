"""Decoding settings by name: their flags for the chat and for fairseq-generate, and their replies.

A setting is the chat's own (``chatbot.dialog.Settings``), so that what the report proposes is what
``python -m chatbot`` does with the same flags.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from chatbot.dialog import PLAN_END, Mode, Settings, make_settings
from chatbot.draft import Draft
from chatbot.ranking import rank
from fairseq_plugins.hub import Hypothesis, Seq2Seq

CHUNK = 50  # messages that are answered between two steps of the progress bar
DEFAULT = "greedy, no 4-gram twice"
OBEYED: Mapping[Mode, Sequence[str]] = {
    "greedy": (),
    "beam": ("beam", "length_penalty"),
    "sampling": ("temperature", "topp"),
}


@dataclass(frozen=True)
class Setting:
    """How replies are searched for.

    Attributes:
        name: for readers
        search: the chat's settings; their seed is given when replies are asked for
    """

    name: str
    search: Settings

    @property
    def chat_flags(self) -> list[str]:
        """For ``python -m chatbot``: what the mode obeys, and whatever else is not the default."""
        names = {*OBEYED[self.search.mode], "mode", "no_repeat_ngram"}
        if self.search.diversity:
            names.add("beam")
        flags = []
        for field in fields(Settings):
            value = getattr(self.search, field.name)
            if field.name in names or value != field.default:
                flags += [f"--{field.name.replace('_', '-')}", str(value)]
        return flags

    @property
    def fairseq_flags(self) -> list[str]:
        """For ``fairseq-generate``; it has no reranker, but finds the candidates."""
        options = self.options
        flags = ["--beam", str(options["beam"]), "--nbest", str(options["nbest"])]
        if options.get("sampling"):
            flags += ["--sampling", "--sampling-topk", str(options["topk"])]
            flags += ["--sampling-topp", str(options["topp"])]
            flags += ["--temperature", str(options["temperature"])]
        else:
            flags += ["--lenpen", str(options["lenpen"])]
        flags += ["--no-repeat-ngram-size", str(options["no_repeat_ngram"])]
        flags += ["--min-len", str(options["min_len"])]
        return [*flags, "--max-len-a", "0", "--max-len-b", str(options["max_len"])]

    @property
    def options(self) -> dict[str, Any]:
        """For ``Seq2Seq.generate``."""
        search = self.search
        many = search.beam if search.diversity else 1  # candidates
        bounds = {
            "no_repeat_ngram": search.no_repeat_ngram,
            "min_len": search.min_length,
            "max_len": search.max_length,
        }
        if search.mode == "sampling":
            drawn = {"temperature": search.temperature, "topk": search.topk or -1}
            topp = search.topp if search.topp < 1 else -1.0
            return {"beam": many, "nbest": many, "sampling": True, "topp": topp} | drawn | bounds
        beam = 1 if search.mode == "greedy" and not search.diversity else search.beam
        return {"beam": beam, "nbest": many, "lenpen": search.length_penalty} | bounds


def _setting(name: str, **changes: Any) -> Setting:
    return Setting(name, make_settings({"no_repeat_ngram": 0} | changes))


# The chat's own comes first: of equal settings the first is proposed.
GRID: tuple[Setting, ...] = (
    Setting(DEFAULT, Settings()),
    _setting("greedy"),
    _setting("beam 5", mode="beam"),
    _setting("beam 5, length penalty 0.6", mode="beam", length_penalty=0.6),
    _setting("beam 5, length penalty 1.2", mode="beam", length_penalty=1.2),
    _setting("beam 5, length penalty 1.6", mode="beam", length_penalty=1.6),
    _setting("beam 5, no 3-gram twice", mode="beam", no_repeat_ngram=3),
    _setting("top-p 0.9, temperature 0.8", mode="sampling", topp=0.9, temperature=0.8),
    _setting("top-p 0.9, temperature 1", mode="sampling", topp=0.9, temperature=1.0),
    _setting("top-p 0.8, temperature 1", mode="sampling", topp=0.8, temperature=1.0),
    _setting("beam 10, reranked", mode="beam", beam=10, diversity=0.5),
    _setting(
        "beam 10, no 3-gram twice, reranked",
        mode="beam",
        beam=10,
        diversity=0.5,
        no_repeat_ngram=3,
    ),
    _setting(
        "top-p 0.9, 5 samples, reranked",
        mode="sampling",
        beam=5,
        topp=0.9,
        temperature=1.0,
        diversity=0.5,
    ),
)


def answer(
    model: Seq2Seq,
    setting: Setting,
    sources: Sequence[str],
    *,
    seed: int = 1,
    progress: Callable[[int], object] = lambda done: None,
) -> list[str]:
    """The model's reply to each source.

    Args:
        seed: of sampling; the same one gives the same replies
        progress: told how many more are done
    """
    replies = []
    for start in range(0, len(sources), CHUNK):
        chunk = list(sources[start : start + CHUNK])
        options = setting.options
        if options.get("sampling"):
            options["seed"] = seed + start
        found = model.generate(chunk, **options)
        replies += choose_replies(model, found, setting.search.diversity)
        progress(len(chunk))
    return replies


def choose_replies(
    model: Seq2Seq, found: Sequence[Sequence[Hypothesis]], diversity: float
) -> list[str]:
    """The best hypothesis for each message, by the reranker where it has a weight.

    As in the chat, a candidate without a word is passed over, and what the reply is about, where
    a model says so first, is not part of it.
    """
    plans = PLAN_END in model.task.target_dictionary
    drafts = [[Draft.of(each, plans) for each in hypotheses] for hypotheses in found]
    if not diversity:
        return [candidates[0].text for candidates in drafts]
    speaking = [[draft for draft in candidates if draft.text] for candidates in drafts]
    flat = [(draft.pieces, draft.scores) for candidates in speaking for draft in candidates]
    ranks = iter(rank(model, flat, diversity))
    replies = []
    for candidates in speaking:
        ranked = [(next(ranks), draft.text) for draft in candidates]
        replies.append(max(ranked, key=lambda pair: pair[0], default=(0.0, ""))[1])
    return replies
