"""The models that may be talked to: found in one folder, loaded when they are asked for.

Outside, a model is known by its name only; no path ever comes from a page or a program.
"""

import logging
import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from fairseq_plugins.package import WEIGHTS

from .dialog import Card, Message, Reply, Responder, Settings

MAX_LOADED = 3
MAX_NAME = 64  # characters
MAX_THREADS = 4  # more do not make a small model faster
RETRY_SECONDS = 30.0  # before a model that could not be loaded is tried again

logger = logging.getLogger(__name__)

Load = Callable[[str, Path], Responder]


class NotLoaded(ValueError):
    """A model that is on the shelf but cannot be loaded.

    ``__cause__`` tells why; it is None where the model was not tried again.
    """


def find_models(folder: str | Path) -> dict[str, Path]:
    """The models of a folder by name: subfolders with a checkpoint or an exported model.

    What leads out of the folder by a symbolic link is left out.

    Raises:
        ValueError: where there is no folder, or no model in it
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}: name one whose subfolders hold models.")
    root = folder.resolve()
    found = {path.name: path for path in sorted(folder.iterdir()) if _is_model(path, root)}
    if not found:
        raise ValueError(
            f"There is no model in {folder}: each needs a subfolder with its checkpoint and its "
            "dict.*.txt files, or one that s2s export has written."
        )
    return found


def load_model(name: str, path: Path) -> Responder:
    """The responder of a checkpoint, with its card, and the process set up for it."""
    from .card import read_card
    from .responder import load_responder  # takes seconds

    try:
        responder = load_responder(path)
    finally:
        logging.getLogger().setLevel(logging.WARNING)  # fairseq sets it to DEBUG
    import torch

    torch.set_num_threads(max(1, min(MAX_THREADS, (os.cpu_count() or 1) // 2)))
    responder.card = read_card(responder.model, name, path)
    return responder


class ModelShelf:
    """Models by name, of which at most ``keep`` are loaded at a time (see :class:`dialog.Shelf`).

    The one that was not talked to for longest makes room. A model that is being talked to is never
    taken away, so for a while there may be more.
    """

    def __init__(
        self,
        paths: Mapping[str, Path],
        default: str | None = None,
        *,
        keep: int = MAX_LOADED,
        load: Load = load_model,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not paths:
            raise ValueError("A shelf needs at least one model.")
        self.names: Sequence[str] = tuple(paths)
        if default is not None:
            self._check(default)
            self.names = (default, *(name for name in paths if name != default))
        self._places = {
            name: _Place(self, name, Path(path), load, clock) for name, path in paths.items()
        }
        self._keep = keep
        self._loaded: OrderedDict[str, _Place] = OrderedDict()  # last used last
        self._lock = threading.Lock()

    def get(self, name: str | None = None) -> Responder:
        """See :class:`chatbot.dialog.Shelf`; the responder stays good for as long as one likes.

        Raises:
            ValueError: for a name that is not on the shelf
            NotLoaded: for a model that cannot be loaded
        """
        name = self.names[0] if name is None else name
        self._check(name)
        place = self._places[name]
        try:
            place.open()
        except NotLoaded as error:
            if error.__cause__ is not None:
                logger.warning("The model %s cannot be loaded: %r", name, error.__cause__)
            raise
        return place

    def open(self) -> None:
        """Load the default model; an error is as it comes, for whoever starts the program."""
        try:
            self._places[self.names[0]].open()
        except NotLoaded as error:
            raise error.__cause__ or error from None

    def close(self) -> None:
        """Unload every model that nobody is talking to."""
        self._trim(0)

    @property
    def loaded(self) -> list[str]:
        """The names of the loaded models, last used last."""
        with self._lock:
            return list(self._loaded)

    def _used(self, place: "_Place") -> None:
        """Note that a model is in use, and make room for it."""
        with self._lock:
            self._loaded[place.name] = place
            self._loaded.move_to_end(place.name)
        self._make_room()

    def _make_room(self) -> None:
        self._trim(self._keep)

    def _trim(self, keep: int) -> None:
        """Unload what is too much, unless it is in use."""
        with self._lock:
            surplus = list(self._loaded.values())[: max(0, len(self._loaded) - keep)]
            unloaded = {place.name: place.unload() for place in surplus}
            for name, close in unloaded.items():
                if close is not None:
                    del self._loaded[name]
        for close in filter(None, unloaded.values()):
            close()

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise ValueError(
                f"There is no model {name[:MAX_NAME]!r}: choose among {', '.join(self.names)}."
            )


class _Place:
    """A model's place on the shelf: a responder that loads the model whenever it needs it."""

    def __init__(
        self, shelf: ModelShelf, name: str, path: Path, load: Load, clock: Callable[[], float]
    ) -> None:
        self.name = name
        self.card = Card(name=name)
        self._shelf, self._path, self._load, self._clock = shelf, path, load, clock
        self._retry_at = -math.inf
        self._responder: Responder | None = None
        self._known = False  # whether the card was read
        self._users = 0
        self._lock = threading.Lock()

    def open(self) -> None:
        """Load the model if it never was, so that its card is known."""
        if not self._known:
            self._enter()
            self._leave()

    def reply(self, dialog: Sequence[Message], settings: Settings) -> Iterator[Reply]:
        """See :class:`chatbot.dialog.Responder`."""
        responder = self._enter()
        try:
            yield from responder.reply(dialog, settings)
        finally:
            self._leave()

    def unload(self) -> Callable[[], None] | None:
        """Let go of the model, and give what closes it; None while somebody uses or loads it."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._users:
                return None
            responder, self._responder = self._responder, None
        finally:
            self._lock.release()
        return getattr(responder, "close", lambda: None)

    def _enter(self) -> Responder:
        """The loaded model, which stays until :meth:`_leave`; others wait while it is loaded."""
        with self._lock:
            if self._responder is None:
                self._responder = self._loaded()
                self.card, self._known = self._responder.card, True
            responder = self._responder
            self._users += 1
        self._shelf._used(self)
        return responder

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
        self._shelf._make_room()

    def _loaded(self) -> Responder:
        sentence = f"The model {self.name!r} cannot be loaded; the log of the server tells why."
        if self._clock() < self._retry_at:
            raise NotLoaded(sentence)
        try:
            return self._load(self.name, self._path)
        except Exception as error:
            self._retry_at = self._clock() + RETRY_SECONDS
            raise NotLoaded(sentence) from error


def _is_model(path: Path, root: Path) -> bool:
    """Whether a folder holds a model and dictionaries, all of them inside ``root``."""
    if path.name.startswith(".") or not path.name.isprintable() or len(path.name) > MAX_NAME:
        return False
    if not path.is_dir():
        return False
    files = [file for file in path.iterdir() if file.is_file()]
    kept = [file.name for file in files if file.resolve().is_relative_to(root)]
    if len(kept) < len(files):  # one file of it would be read from elsewhere
        return False
    has_weights = {"checkpoint_best.pt", "checkpoint_last.pt", WEIGHTS} & set(kept)
    has_dictionary = any(name.startswith("dict.") and name.endswith(".txt") for name in kept)
    return bool(has_weights) and has_dictionary
