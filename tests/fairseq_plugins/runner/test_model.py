"""An exported model answers in onnxruntime as it does in torch, without torch."""

import json
import shutil
import subprocess
import sys
import threading

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from fairseq_plugins import S2SError, load  # noqa: E402
from fairseq_plugins.export import export  # noqa: E402
from fairseq_plugins.runner import load as load_runner  # noqa: E402
from fairseq_plugins.runner import model as runner_model  # noqa: E402

from ..builders import needs_graphs  # noqa: E402
from ..commands import reversed_digits  # noqa: E402

pytestmark = needs_graphs


@pytest.fixture(scope="module")
def package(digits, trained, tmp_path_factory):
    """The model that reverses digits, with its graphs."""
    out = tmp_path_factory.mktemp("packages") / "digits"
    export(trained, out, data=digits / "bin", onnx=True, int8=True)
    return out


@pytest.fixture(scope="module")
def model(package):
    return load_runner(package, threads=1)


@pytest.fixture(scope="module")
def texts():
    return [source for source, _ in reversed_digits(60, longest=5, seed=3)] + ["", "unknown 1"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beam": 1},
        {"beam": 4, "nbest": 4},
        {"lenpen": 0.5},
        {"min_len": 4, "max_len": 6},
        {"no_repeat_ngram": 1},
        {"temperature": 2.0},
    ],
    ids=str,
)
def test_it_gives_what_torch_gives(package, model, texts, options):
    expected = load(package).generate(texts, **options)
    for mine, theirs in zip(model.generate(texts, **options), expected, strict=True):
        assert [h.tokens for h in mine] == [h.tokens for h in theirs]
        for one, other in zip(mine, theirs, strict=True):
            assert (one.text, one.source_tokens) == (other.text, other.source_tokens)
            assert one.score == pytest.approx(other.score, abs=1e-4)
            assert one.token_scores == pytest.approx(other.token_scores, abs=1e-4)
            for row, same in zip(one.alignment, other.alignment, strict=True):
                assert row == pytest.approx(same, abs=1e-4)


def test_a_batch_has_as_many_scores_as_fit_in_memory(model, texts, monkeypatch):
    expected = [each[0].tokens for each in model.generate(texts)]
    limit = 7 * 5 * len(model.target)  # sentences, beam, words
    monkeypatch.setattr(runner_model, "MAX_SCORES", limit)
    search, sizes = model.search, []

    def counted(sources, settings):
        sizes.append(len(sources))
        return search(sources, settings)

    monkeypatch.setattr(model, "search", counted)
    assert [each[0].tokens for each in model.generate(texts)] == expected
    assert max(sizes) == 7 and sum(sizes) == len(texts)
    monkeypatch.setattr(runner_model, "MAX_SCORES", 1)
    assert model.generate(texts[:2])[1][0].tokens == expected[1]  # one at a time at least


@pytest.mark.parametrize("rows, sizes", [(1333, [1333, 1333, 334]), (500, [500] * 6)])
def test_the_batches_of_short_texts(rows, sizes):
    found = list(runner_model._batches([3] * 3000, rows))
    assert [len(batch) for batch in found] == sizes
    assert sorted(place for batch in found for place in batch) == list(range(3000))


def test_eight_bits_answer_nearly_the_same(package, model, texts):
    small = load_runner(package, precision="int8", threads=1)
    pairs = zip(model.generate(texts), small.generate(texts), strict=True)
    same = sum(one[0].text == other[0].text for one, other in pairs)
    assert same >= 0.9 * len(texts)


def test_threads_share_it(model, texts):
    expected = [each[0].text for each in model.generate(texts)]
    found: dict[int, list[str]] = {}

    def work(number: int) -> None:
        found[number] = [each[0].text for each in model.generate(texts)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(4)] == [expected] * 4


def test_neither_torch_nor_fairseq_is_imported(package):
    code = (
        "import sys; from fairseq_plugins.runner import load; "
        f"print(load({str(package)!r}).generate(['1 2 3'])[0][0].text); "
        "assert not {'torch', 'fairseq', 'omegaconf'} & set(sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "3 2 1\n"


def test_the_command_answers_line_by_line(package):
    command = [sys.executable, "-m", "fairseq_plugins.cli", "generate", str(package), "--onnx"]
    process = subprocess.run(command, input="1 2\n3\n", capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, "2 1\n3\n")


def test_no_text_no_work(model):
    assert model.generate([]) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beam": 0}, "beam is 0, but must be above 0"),
        ({"nbest": 6}, r"nbest \(6\) must not be above beam \(5\)"),
        ({"min_len": 9, "max_len": 3}, "must not be above max_len"),
    ],
)
def test_settings_out_of_range(model, options, sentence):
    with pytest.raises(S2SError, match=sentence):
        model.generate(["1"], **options)


def changed(package, tmp_path, name: str, change):
    """A copy of the package with one file changed."""
    copy = tmp_path / "copy"
    shutil.copytree(package, copy)
    path = copy / name
    path.write_bytes(change(path.read_bytes()))
    return copy


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("step.onnx", lambda data: data[:-9] + b"x" + data[-8:], "not the file that was exported"),
        ("dict.src.txt", lambda data: data + b"word 1\n", "not the file that was exported"),
        ("config.json", lambda data: data[:-20], "cannot be read"),
        ("config.json", lambda data: b"[]", "not that of an exported model"),
        (
            "config.json",
            lambda data: data.replace(b'_version": 1', b'_version": 9'),
            "has format 9",
        ),
        ("config.json", lambda data: data.replace(b'"languages"', b'"l"'), "is damaged"),
        ("config.json", lambda data: data.replace(b'"step.onnx"', b'"o"'), "has no step.onnx"),
    ],
)
def test_what_is_damaged_is_named(package, tmp_path, name, change, sentence):
    with pytest.raises(S2SError, match=sentence):
        load_runner(changed(package, tmp_path, name, change))


def test_a_graph_that_is_none(package, tmp_path):
    copy = changed(package, tmp_path, "step.onnx", lambda data: b"no graph")
    config = json.loads((copy / "config.json").read_text())
    from fairseq_plugins.package import checksum

    config["sha256"]["step.onnx"] = checksum(copy / "step.onnx")
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(S2SError, match=r"onnxruntime cannot load .*step\.onnx"):
        load_runner(copy)


def test_a_package_without_graphs(digits, trained, tmp_path):
    export(trained, tmp_path / "plain", data=digits / "bin")
    with pytest.raises(S2SError, match="export the model again with --onnx"):
        load_runner(tmp_path / "plain")
    with pytest.raises(S2SError, match="There is no exported model in"):
        load_runner(tmp_path / "nothing")
