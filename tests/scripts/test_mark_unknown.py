"""scripts/mark_unknown.py: what is marked comes back word for word, and nothing is lost."""

import io
import subprocess
import sys
from collections import Counter

import pytest
from fairseq.data import Dictionary

from scripts.mark_unknown import main

from .sandbox import ROOT

ENGLISH = ["Zoe met Bob in Ulm , and Bob met Zoe", "the cat met the dog", "", "Kim left"]
MARKERS = [f"<unk-{n}> 0" for n in range(4)]
CHINESE = ["小明 见到 了 小红", "▁今天 天气 很 好 ， 小明", "你好 \U00020bb7 。", "你好"]


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


def make_dictionary(folder, lines, size=4, markers=6):
    text, output = write(folder / "text", lines), folder / "dict.txt"
    assert run("vocabulary", "--size", size, "--markers", markers, "--output", output, text) == 0
    return output


def lines_of(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


@pytest.mark.parametrize("lines", [ENGLISH, CHINESE])
def test_a_dictionary_is_the_most_frequent_words_and_then_the_markers(tmp_path, lines):
    loaded = Dictionary.load(str(make_dictionary(tmp_path, lines, size=5, markers=3)))
    counts = Counter(word for line in lines for word in line.split())
    words = loaded.symbols[loaded.nspecial : -3]
    assert loaded.symbols[-3:] == ["<unk-0>", "<unk-1>", "<unk-2>"]
    assert [loaded.count[loaded.index(word)] for word in words] == [
        count for _, count in counts.most_common(5)
    ]
    assert all(counts[word] == loaded.count[loaded.index(word)] for word in words)


def test_fairseqs_own_symbols_and_a_text_with_few_words_give_a_dictionary_that_loads(tmp_path):
    dictionary = make_dictionary(tmp_path, ["<unk> a </s> <unk> <pad> a <s>"], size=10, markers=1)
    assert lines_of(dictionary) == ["a 2", "<unk-0> 0"]
    assert len(Dictionary.load(str(dictionary))) == 4 + 2


def test_an_unknown_word_is_the_marker_of_its_first_position_on_both_sides(tmp_path):
    dictionary = write(tmp_path / "dict.txt", ["met 9", "the 8", *MARKERS])
    source = write(tmp_path / "source", ["Zoe Bob met Zoe Ulm", "the <unk> met"])
    target = write(tmp_path / "target", ["the Ulm Bob met Kim Zoe", "Zoe"])
    outputs = tmp_path / "marked.source", tmp_path / "marked.target"
    arguments = ["--dict", dictionary, "--source", source, "--source-output", outputs[0]]
    assert run("mark", *arguments, "--target", target, "--target-output", outputs[1]) == 0
    # The second Zoe takes the first one's; Ulm stands at 4, which has no marker; Kim is not in the
    # source; in the second line there is no Zoe.
    assert lines_of(outputs[0]) == ["<unk-0> <unk-1> met <unk-0> Ulm", "the <unk> met"]
    assert lines_of(outputs[1]) == ["the Ulm <unk-1> met Kim <unk-0>", "Zoe"]
    assert lines_of(source) == ["Zoe Bob met Zoe Ulm", "the <unk> met"]


@pytest.mark.parametrize("lines", [ENGLISH, CHINESE])
def test_marked_text_passes_fairseqs_dictionary_and_is_restored_word_for_word(tmp_path, lines):
    dictionary = make_dictionary(tmp_path, lines, size=2, markers=12)
    source, marked = write(tmp_path / "source", lines), tmp_path / "marked"
    assert run("mark", "--dict", dictionary, "--source", source, "--source-output", marked) == 0
    assert lines_of(marked) != lines
    loaded = Dictionary.load(str(dictionary))
    encoded = [loaded.encode_line(line, add_if_not_exist=False) for line in lines_of(marked)]
    assert all(loaded.unk() not in indices.tolist() for indices in encoded)
    generated = write(tmp_path / "generated", [loaded.string(indices) for indices in encoded])
    output = tmp_path / "restored"
    arguments = ["--source", source, "--generated", generated, "--output", output]
    assert run("restore", *arguments) == 0
    assert lines_of(output) == lines


def test_generated_words_in_another_order_are_restored_from_their_own_line(tmp_path):
    source = write(tmp_path / "source", ["Zoe met Bob", "小明 见到 小红"])
    generated = write(tmp_path / "generated", ["so <unk-2> and <unk-0>", "<unk-2> <unk>"])
    arguments = ["--source", source, "--generated", generated, "--output", tmp_path / "out"]
    assert run("restore", *arguments) == 0
    assert lines_of(tmp_path / "out") == ["so Bob and Zoe", "小红 <unk>"]


MARKED = ["a 1", "<unk-0> 0"]
BAD = {
    "a marker past the source": (
        {"source": ["Zoe"], "generated": ["a <unk-1>"]},
        "restore --source source --generated generated --output out",
        "generated, line 1: <unk-1> points past the source, which has 1 words.",
    ),
    "another number of lines": (
        {"source": ["Zoe", "Bob"], "generated": ["a"]},
        "restore --source source --generated generated --output out",
        "source has 2 lines and generated has 1",
    ),
    "a marked source to restore from": (
        {"source": ["Zoe", "<unk-0>"], "generated": ["a", "a"]},
        "restore --source source --generated generated --output out",
        "source, line 2: the text holds the marker <unk-0>.",
    ),
    "a marker in the text": (
        {"dict": MARKED, "source": ["a", "b <unk-7>"]},
        "mark --dict dict --source source --source-output out",
        "source, line 2: the text holds the marker <unk-7>.",
    ),
    "a marker in the text to count": (
        {"source": ["a <unk-0>"]},
        "vocabulary --size 3 --markers 2 --output out source",
        "source, line 1: the text holds the marker <unk-0>.",
    ),
    "a dictionary without markers": (
        {"dict": ["a 1"], "source": ["a"]},
        "mark --dict dict --source source --source-output out",
        "dict has 0 markers, but needs <unk-0>, <unk-1> and so on",
    ),
    "a dictionary with a gap": (
        {"dict": ["a 1", "<unk-0> 0", "<unk-2> 0"], "source": ["a"]},
        "mark --dict dict --source source --source-output out",
        "dict has 2 markers, but needs <unk-0>, <unk-1> and so on without a gap",
    ),
    "no dictionary": (
        {"dict": [*MARKED, "hello"], "source": ["a"]},
        "mark --dict dict --source source --source-output out",
        'dict, line 3: not a "word count" of a dictionary.',
    ),
    "a missing file": (
        {"dict": MARKED},
        "mark --dict dict --source source --source-output out",
        "source cannot be read: No such file or directory.",
    ),
    "an empty file": (
        {"source": []},
        "vocabulary --size 3 --markers 2 --output out source",
        "source is empty.",
    ),
    "a target without its output": (
        {"dict": MARKED, "source": ["a"], "target": ["a"]},
        "mark --dict dict --source source --source-output out --target target",
        "--target (target) and --target-output (None) need each other.",
    ),
    "an output over an input": (
        {"dict": MARKED, "source": ["a"], "target": ["a"]},
        "mark --dict dict --source source --source-output out --target target "
        "--target-output source",
        "source is to be read or written already: choose another output.",
    ),
    "one output twice": (
        {"dict": MARKED, "source": ["a"], "target": ["a"]},
        "mark --dict dict --source source --source-output out --target target --target-output out",
        "out is to be read or written already: choose another output.",
    ),
    "no markers asked for": (
        {"source": ["a"]},
        "vocabulary --size 3 --markers 0 --output out source",
        "--size (3) and --markers (0) must be at least 1.",
    ),
    "a folder that is not there": (
        {"source": ["a"]},
        "vocabulary --size 3 --markers 1 --output nowhere/out source",
        "No such file or directory",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_leaves_every_file_as_it_was(
    tmp_path, monkeypatch, capsys, name
):
    files, command, says = BAD[name]
    monkeypatch.chdir(tmp_path)
    for file, lines in files.items():
        write(tmp_path / file, lines)
    write(tmp_path / "out", ["of an earlier run"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert run(*command.split()) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("data", [b"caf\xe9\n", b"one\0two\n", "one\u2028two\n".encode()])
def test_damaged_text_is_named_with_its_line(tmp_path, capsys, data):
    (tmp_path / "source").write_bytes(data)
    arguments = ["--size", 3, "--markers", 1, "--output", tmp_path / "out", tmp_path / "source"]
    assert run("vocabulary", *arguments) == 1
    assert "source, line 1:" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_lines_may_end_as_on_windows(tmp_path):
    dictionary = write(tmp_path / "dict", MARKED)
    (tmp_path / "source").write_bytes(b"Zoe a\r\na Bob\r\n")
    arguments = ["--source", tmp_path / "source", "--source-output", tmp_path / "out"]
    assert run("mark", "--dict", dictionary, *arguments) == 0
    assert (tmp_path / "out").read_bytes() == b"<unk-0> a\na Bob\n"


def test_it_runs_as_a_command_from_any_folder(tmp_path):
    write(tmp_path / "source", ["a b a"])
    command = [sys.executable, ROOT / "scripts/mark_unknown.py", "vocabulary", "--size", "1"]
    command += ["--markers", "1", "--output", "dict.txt", "source"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert Dictionary.load(io.StringIO((tmp_path / "dict.txt").read_text())).symbols[4:] == [
        "a",
        "<unk-0>",
    ]
