"""No text brings the hub, the terminal, the routes or the page down, and every reply is bounded.

By default some hundred texts each; the slow form, with 5,000, is for CI.
"""

import io
import json
from pathlib import Path

import pytest

pytest.importorskip("fairseq")
pytest.importorskip("gradio")

from fastapi.testclient import TestClient  # noqa: E402

from chatbot.api import build_api  # noqa: E402
from chatbot.api_work import Desk  # noqa: E402
from chatbot.bounds import Bounds  # noqa: E402
from chatbot.dialog import PLAN_END, SEPARATOR, SPEAKERS, Settings, clean  # noqa: E402
from chatbot.responder import Seq2SeqResponder  # noqa: E402
from chatbot.terminal import Talk, converse  # noqa: E402
from fairseq_plugins import S2SError, load  # noqa: E402
from scripts import spm  # noqa: E402

from .chatbot.echo import EchoShelf  # noqa: E402
from .chatbot.test_page_events import Visitor  # noqa: E402
from .fairseq_plugins.commands import preprocess, train, write_corpus  # noqa: E402
from .strange_texts import KINDS, LONGEST, WORDS, strange_texts  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pandas, in gradio

PIECES = 12  # the longest reply
JSON = {"Content-Type": "application/json"}
CHARACTERS = 400  # that so many pieces can have at most, and the chat's own sentences have
SETTINGS = Settings(max_length=PIECES, beam=2, turns=2, seed=1)
SLOW = (pytest.mark.slow, pytest.mark.timeout(1800))
COUNTS = [pytest.param(170, id="some"), pytest.param(5000, marks=SLOW, id="5,000")]
FEWER = [pytest.param(170, id="some"), pytest.param(1700, marks=SLOW, id="1,700")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model with plans and speakers that has learned next to nothing: it babbles."""
    folder = tmp_path_factory.mktemp("chat")
    symbols = [SEPARATOR, PLAN_END, *SPEAKERS.values()]
    lines = [f"{a} {b}" for a in WORDS for b in WORDS]
    spm.train(lines, folder / "spm", 400, symbols=symbols)
    pieces = spm.sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    pairs = [
        (f"<user> {line}", f"{line.split()[0]} {PLAN_END} {line}") for line in sorted(lines)[::4]
    ]
    coded = [tuple(" ".join(pieces.encode(text, out_type=str)) for text in pair) for pair in pairs]
    for subset in ("train", "valid", "test"):
        write_corpus(folder, subset, coded)
    data = preprocess(folder, "--srcdict", folder / "spm.dict.txt")
    (data / "spm.model").write_bytes((folder / "spm.model").read_bytes())
    train(data, data, "--arch", "s2s_attn_tiny", "--max-update", 20, "--disable-validation")
    return data


@pytest.fixture(scope="module")
def model(folder: Path):
    found = load(folder)
    yield found
    found.close()


@pytest.fixture
def shelf(model) -> EchoShelf:
    return EchoShelf(Seq2SeqResponder(model))


def test_the_texts_are_of_every_kind() -> None:
    texts = list(strange_texts(5000))
    assert len(texts) == 5000
    assert len(set(texts)) > 3500
    assert max(map(len, texts)) == LONGEST
    assert "" in texts and any("\0" in text for text in texts)
    assert any("\ud800" <= char <= "\udfff" for text in texts for char in text)
    assert list(strange_texts(50)) == list(strange_texts(50))
    assert len(KINDS) > 15


@pytest.mark.parametrize("count", COUNTS)
def test_the_hub(model, count: int) -> None:
    """What is too long is one sentence; everything else has an output within its bound."""
    read, refusals = [], []
    for text in strange_texts(count):
        try:
            model.source_tokens(text)
        except S2SError as error:
            refusals.append(str(error))
        else:
            read.append(text)
    assert 0 < len(refusals) < count / 20
    assert all("is longer than this model can read" in refusal for refusal in refusals)
    assert not any("\n" in refusal for refusal in refusals)
    found = model.generate(read, beam=2, max_len=PIECES)
    assert len(found) == len(read)
    for [hypothesis] in found:
        assert 1 <= len(hypothesis.tokens) <= PIECES + 1
        assert len(hypothesis.text) < CHARACTERS
        hypothesis.text.encode()
    some = read[: max(40, count // 50)]
    for text in some:
        assert len("".join(token.text for token in model.stream(text, max_len=PIECES))) < CHARACTERS
    pairs = list(zip(some, reversed(some), strict=True))
    scores = model.score(pairs)
    assert all(score <= 1e-6 for row in scores for score in row)
    for (source, _), aligned in zip(pairs, model.align(pairs), strict=True):
        assert len(aligned.matrix) == len(aligned.target_words), source


@pytest.mark.parametrize("count", COUNTS)
def test_the_terminal(shelf: EchoShelf, count: int) -> None:
    """A line of input gives a line of output, through a pipe."""
    talk_through_a_pipe(shelf, count, as_json=False)


@pytest.mark.parametrize("count", FEWER)
def test_the_terminal_as_json(shelf: EchoShelf, count: int) -> None:
    talk_through_a_pipe(shelf, count, as_json=True)


def talk_through_a_pipe(shelf: EchoShelf, count: int, as_json: bool) -> None:
    made = strange_texts(count, seed=2 + as_json)
    texts = [text for text in made if not clean(text.replace("\n", " ")).startswith("/")]
    source, sink = io.StringIO(newline="\n"), io.StringIO(newline="\n")
    lines = [text.replace("\n", " ") for text in texts]
    source.write("".join(f"{line}\n" for line in lines))
    source.seek(0)
    converse(Talk(shelf, SETTINGS, sink, as_json=as_json), source)
    said = sink.getvalue().split("\n")[:-1]
    assert len(said) == len(lines)
    for line in said:
        line.encode("utf-8")
        text = json.loads(line)["text"] if as_json else line
        assert 0 < len(text) < CHARACTERS
        assert all(char.isprintable() or char == " " for char in text), repr(text)


@pytest.mark.parametrize("count", FEWER)
def test_the_routes(shelf: EchoShelf, count: int) -> None:
    client = TestClient(build_api(shelf, SETTINGS, Desk(Bounds(requests=0))))
    statuses = set()
    texts = list(strange_texts(count, seed=3))
    for text, earlier in zip(texts, reversed(texts), strict=True):
        body = json.dumps({"message": text, "history": [[earlier[:9999], text[:9999]]]})
        response = client.post("/api/chat", content=body.encode("ascii"), headers=JSON)
        found = response.json()
        statuses.add(response.status_code)
        if response.status_code == 200:
            assert 0 < len(found["text"]) < CHARACTERS
        else:
            assert response.status_code in (400, 413), (repr(text[:80]), found)
            assert "\n" not in found["error"] and len(found["error"]) < CHARACTERS
    assert statuses == {200, 400, 413}


@pytest.mark.parametrize("count", COUNTS)
def test_the_page(shelf: EchoShelf, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message is answered in its own words or refused, and nothing fails."""
    for kind in ("Info", "Warning"):
        monkeypatch.setattr(f"gradio.{kind}", lambda *arguments, **options: None)
    visitor = Visitor(shelf)
    visitor.events.rate.most = 0
    visitor.set(max_length=PIECES, beam=2)
    answered = 0
    for text in strange_texts(count, seed=4):
        before = visitor.said()
        visitor.say(text)
        if visitor.said() == before:
            continue
        message, reply = visitor.said()[-1]
        answered += 1
        assert len(message) <= Bounds().message_length
        assert reply and len(reply) < CHARACTERS
        assert not visitor.session.conversations[0].exchanges[-1].turn.failed, repr(text[:80])
    assert answered > count / 2
