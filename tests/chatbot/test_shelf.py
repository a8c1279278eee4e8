"""The shelf: which models there are, loaded once, unloaded in order, a broken one alone."""

import logging
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from chatbot.dialog import Card, Message, Reply, Settings
from chatbot.shelf import RETRY_SECONDS, ModelShelf, NotLoaded, find_models, load_model


class Model:
    """A responder that remembers whether it was closed, and can be made to wait."""

    def __init__(self, name):
        self.card = Card(name, architecture="of a file")
        self.closed = False

    def reply(self, dialog, settings):
        for i in range(3):
            assert not self.closed
            yield Reply(f"{self.card.name} {i}")

    def close(self):
        self.closed = True


class Loader:
    """Loads models by name; those in ``broken`` fail."""

    def __init__(self, *broken, seconds=0.0):
        self.broken, self.seconds = set(broken), seconds
        self.models, self.tries = [], 0

    def __call__(self, name, path):
        time.sleep(self.seconds)
        self.tries += 1
        if name in self.broken:
            raise ValueError(f"the secret of {path}")
        self.models.append(Model(name))
        return self.models[-1]

    @property
    def names(self):
        return [model.card.name for model in self.models]


def shelf(names, loader, **options):
    return ModelShelf({name: f"/secret/{name}" for name in names}, load=loader, **options)


def say(responder):
    return [reply.text for reply in responder.reply([Message("user", "hi")], Settings())]


def make(folder, name, *files):
    for file in files or ("checkpoint_best.pt", "dict.src.txt"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / file).write_text("")


def test_the_models_of_a_folder_are_its_subfolders_with_checkpoint_and_dictionary(tmp_path):
    make(tmp_path, "b")
    make(tmp_path, "a", "checkpoint_last.pt", "dict.en.txt", "spm.model")
    make(tmp_path, "no dictionary", "checkpoint_best.pt")
    make(tmp_path, "no checkpoint", "dict.src.txt", "notes.txt")
    make(tmp_path, ".hidden")
    make(tmp_path, "x" * 65)
    (tmp_path / "checkpoint_best.pt").write_text("")
    assert find_models(tmp_path) == {"a": tmp_path / "a", "b": tmp_path / "b"}


def test_what_leads_out_of_the_folder_is_no_model(tmp_path):
    inside, outside = tmp_path / "models", tmp_path / "elsewhere"
    for folder in (inside, outside):
        folder.mkdir()
        make(folder, "real")
    (inside / "linked").symlink_to(outside / "real")
    make(inside, "half", "dict.src.txt")
    (inside / "half" / "checkpoint_best.pt").symlink_to(outside / "real" / "checkpoint_best.pt")
    make(inside, "pieces")
    (inside / "pieces" / "spm.model").symlink_to(outside / "real" / "dict.src.txt")
    (inside / "again").symlink_to(inside / "real")  # stays inside
    assert set(find_models(inside)) == {"real", "again"}


def test_a_folder_without_models_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="There is no model in .*: each needs"):
        find_models(tmp_path)
    with pytest.raises(ValueError, match="There is no folder .*missing"):
        find_models(tmp_path / "missing")


def test_the_default_stands_first():
    assert shelf("abc", Loader(), default="b").names == ("b", "a", "c")
    assert shelf("abc", Loader()).names == ("a", "b", "c")
    with pytest.raises(ValueError, match="There is no model 'z': choose among a, b, c"):
        shelf("abc", Loader(), default="z")
    with pytest.raises(ValueError, match="at least one"):
        ModelShelf({})


def test_a_model_is_loaded_when_it_is_first_asked_for():
    loader = Loader()
    models = shelf("ab", loader)
    assert loader.names == []
    assert say(models.get()) == ["a 0", "a 1", "a 2"]
    assert models.get("a").card == Card("a", architecture="of a file")
    assert loader.names == ["a"]


@pytest.mark.parametrize("name", ["c", "", "../a", "/secret/a", "a\n", "x" * 10_000])
def test_a_name_that_is_not_on_the_shelf_is_one_short_sentence(name):
    loader = Loader()
    with pytest.raises(ValueError) as caught:
        shelf("ab", loader).get(name)
    assert str(caught.value).startswith("There is no model ") and len(str(caught.value)) < 200
    assert loader.names == []


def test_requests_at_the_same_time_load_a_model_once():
    loader = Loader(seconds=0.05)
    models = shelf("a", loader)
    threads = [threading.Thread(target=lambda: say(models.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loader.names == ["a"]


def test_the_model_that_was_not_talked_to_for_longest_makes_room():
    loader = Loader()
    models = shelf("abc", loader, keep=2)
    for name in "aba":
        say(models.get(name))
    models.get("c")
    assert models.loaded == ["a", "c"]
    assert [model.closed for model in loader.models] == [False, True, False]


def test_a_responder_that_one_holds_loads_its_model_again():
    loader = Loader()
    models = shelf("ab", loader, keep=1)
    first = models.get("a")
    models.get("b")
    assert first.card.architecture == "of a file"
    assert say(first) == ["a 0", "a 1", "a 2"]
    assert loader.names == ["a", "b", "a"] and models.loaded == ["a"]


def test_a_model_that_is_being_talked_to_stays():
    loader = Loader()
    models = shelf("ab", loader, keep=1)
    talk = models.get("a").reply([Message("user", "hi")], Settings())
    next(talk)
    say(models.get("b"))
    assert [reply.text for reply in talk] == ["a 1", "a 2"]
    assert len(models.loaded) == 1


def test_closing_a_reply_in_its_middle_lets_its_model_go():
    loader = Loader()
    models = shelf("ab", loader, keep=1)
    talk = models.get("a").reply([Message("user", "hi")], Settings())
    next(talk)
    models.get("b")
    talk.close()
    models.close()
    assert models.loaded == [] and all(model.closed for model in loader.models)


def test_a_model_that_cannot_be_loaded_leaves_the_others_alone(caplog):
    models = shelf("ab", Loader("a"))
    with pytest.raises(NotLoaded) as caught:
        models.get("a")
    assert "secret" not in str(caught.value) and "secret" in caplog.text
    assert say(models.get("b")) == ["b 0", "b 1", "b 2"]
    assert models.loaded == ["b"]


def test_a_model_that_was_mended_can_be_loaded_after_a_while(caplog):
    loader, now = Loader("a"), [0.0]
    models = shelf("a", loader, clock=lambda: now[0])
    for now[0] in (0.0, 0.5 * RETRY_SECONDS, 0.9 * RETRY_SECONDS):
        with pytest.raises(NotLoaded, match="'a' cannot be loaded"):
            models.get()
    assert loader.tries == len(caplog.records) == 1
    loader.broken.clear()
    now[0] = RETRY_SECONDS
    assert say(models.get()) == ["a 0", "a 1", "a 2"]


def test_whoever_starts_the_program_is_told_the_reason(caplog):
    with pytest.raises(ValueError, match="the secret of"):
        shelf("a", Loader("a")).open()
    assert not caplog.records


def test_many_threads_and_little_room_break_no_reply():
    loader = Loader(seconds=0.002)
    models = shelf("abcd", loader, keep=1)
    wrong = []

    def talk(name):
        for _ in range(20):
            if say(models.get(name)) != [f"{name} {i}" for i in range(3)]:
                wrong.append(name)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcdabcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(models.loaded) == 1
    assert sum(not model.closed for model in loader.models) == 1


def test_a_loaded_model_carries_the_card_of_its_name(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    torch.save({"extra_state": {}}, tmp_path / "checkpoint_best.pt")
    task = SimpleNamespace(target_dictionary=[0] * 7)
    model = SimpleNamespace(model=torch.nn.Linear(3, 3), task=task, attends=False)
    asked = []

    def load_responder(path):
        asked.append(path)
        logging.getLogger().setLevel(logging.DEBUG)  # as fairseq does
        return SimpleNamespace(model=model, card=Card("model"))

    monkeypatch.setattr("chatbot.responder.load_responder", load_responder)
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    responder = ModelShelf({"mine": tmp_path}, load=load_model).get("mine")
    assert asked == [tmp_path] and logging.getLogger().level == logging.WARNING
    assert (responder.card.name, responder.card.parameters) == ("mine", 12)


def test_an_exported_model_is_found(tmp_path):
    make(tmp_path, "exported", "config.json", "model.safetensors", "dict.src.txt", "dict.tgt.txt")
    make(tmp_path, "without-dictionaries", "config.json", "model.safetensors")
    assert set(find_models(tmp_path)) == {"exported"}


def test_an_exported_model_replies_as_its_checkpoint_does(tmp_path):
    pytest.importorskip("fairseq")
    from fairseq_plugins.export import export
    from tests.fairseq_plugins import golden

    folder = shutil.copytree(Path(golden.__file__).with_name("s2s_attn"), tmp_path / "golden")
    (folder / "words.txt").write_text("1 9\n", "utf-8")
    (folder / "card.json").write_text('{"data": "golden", "scores": {"BLEU": 12}}', "utf-8")
    export(folder, tmp_path / "exported", licence="MIT")
    replies, cards = [], []
    for name in ("golden", "exported"):
        responder = load_model(name, tmp_path / name)
        settings = Settings(mode="beam", fallback=False)
        found = list(responder.reply([Message("user", "1 2 3")], settings))
        replies.append([candidate.text for candidate in found[-1].candidates])
        cards.append(responder.card)
        assert responder.known is not None
        responder.close()
    assert replies[0] == replies[1]
    one, other = cards
    assert (other.data, other.licence, other.parameters) == ("golden", "MIT", one.parameters)
    assert other.scores == one.scores and ("BLEU", "12") in other.scores
    assert other.architecture == one.architecture
