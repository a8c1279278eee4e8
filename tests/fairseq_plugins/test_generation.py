"""All of fairseq's generation works with our models."""

import io
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from .. import warm_process
from .commands import (
    generate,
    hypotheses,
    lines,
    preprocess,
    reversed_digits,
    run,
    run_alone,
    train,
    write_corpus,
)

BOTH = ["trained", "trained_plain"]


def checkpoint(request, name) -> Path:
    return request.getfixturevalue(name) / "checkpoint_best.pt"


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(
    "flags",
    [
        ["--beam", 5, "--nbest", 5],
        ["--beam", 4, "--lenpen", 2.0],
        ["--beam", 4, "--diverse-beam-groups", 2, "--diverse-beam-strength", 0.5],
        ["--beam", 3, "--nbest", 3, "--sampling", "--sampling-topk", 3],
        ["--beam", 3, "--nbest", 3, "--sampling", "--sampling-topp", 0.8],
        ["--beam", 3, "--temperature", 2.0, "--unkpen", 1.0],
        ["--beam", 3, "--no-repeat-ngram-size", 2],
        ["--beam", 3, "--prefix-size", 1],
        ["--beam", 3, "--min-len", 3, "--max-len-b", 6],
        ["--beam", 3, "--match-source-len"],
        ["--beam", 3, "--score-reference"],
    ],
    ids=lambda flags: " ".join(map(str, flags)),
)
def test_every_search_answers_every_sentence(request, digits, model, flags):
    output = generate(digits / "bin", checkpoint(request, model), *flags)
    found = {number for number, _ in lines(output, "H")}
    assert found == set(range(100))
    nbest = int(flags[flags.index("--nbest") + 1]) if "--nbest" in flags else 1
    assert len(list(lines(output, "H"))) == 100 * nbest


def test_no_repeat_ngram_repeats_none(monkeypatch, digits, trained):
    def answer(*flags):
        path = trained / "checkpoint_best.pt"
        output = interactive(monkeypatch, digits / "bin", path, "1 1 1 1\n", "--beam", 3, *flags)
        [text] = hypotheses(output).values()
        words = text.split()
        return list(zip(words, words[1:], strict=False))

    pairs = answer()
    assert len(set(pairs)) < len(pairs)
    pairs = answer("--no-repeat-ngram-size", 2)
    assert len(set(pairs)) == len(pairs)


def test_prefix_is_that_of_the_reference(digits, trained):
    output = generate(digits / "bin", trained / "checkpoint_best.pt", "--prefix-size", 2)
    references = {number: fields[0] for number, fields in lines(output, "T")}
    for number, text in hypotheses(output).items():
        assert text.split()[:2] == references[number].split()[:2]


def test_an_ensemble_of_both_decoders_generates(digits, trained, trained_plain):
    paths = f"{trained / 'checkpoint_best.pt'}:{trained_plain / 'checkpoint_best.pt'}"
    output = generate(digits / "bin", paths, "--beam", 3, "--print-alignment")
    assert len(hypotheses(output)) == 100


@pytest.mark.parametrize("batch", [["--batch-size", 1], ["--batch-size", 64]], ids=["1", "64"])
def test_print_alignment_finds_the_reversal(digits, trained, batch):
    output = generate(
        digits / "bin", trained / "checkpoint_best.pt", "--beam", 3, "--print-alignment", *batch
    )
    texts, sources = hypotheses(output), dict(lines(output, "S"))
    right = total = 0
    for number, fields in lines(output, "A"):
        pairs = [tuple(map(int, pair.split("-"))) for pair in fields[0].split()]
        assert len(pairs) == len(texts[number].split())
        length = len(sources[number][0].split())
        right += sum(source in (length - target, length - 1 - target) for source, target in pairs)
        total += len(pairs)
    assert right / total > 0.6  # an RNN state may hold the word beside: within one


def test_soft_alignments_are_the_same_in_a_batch_of_64_as_alone(digits, trained):
    def soft(batch_size):
        output = generate(
            digits / "bin",
            trained / "checkpoint_best.pt",
            *("--beam", 3, "--print-alignment", "soft", "--batch-size", batch_size),
        )
        return {
            number: [[float(weight) for weight in row.split(",")] for row in fields[0].split()]
            for number, fields in lines(output, "A")
        }

    together, alone = soft(64), soft(1)
    assert together.keys() == alone.keys() == set(range(100))
    for number, alignment in together.items():
        torch.testing.assert_close(
            torch.tensor(alignment), torch.tensor(alone[number]), atol=1e-4, rtol=0
        )


def test_print_alignment_of_the_plain_decoder_is_one_sentence(digits, trained_plain):
    with pytest.raises(Exception, match="attention"):
        generate(
            digits / "bin", trained_plain / "checkpoint_best.pt", "--beam", 2, "--print-alignment"
        )


def test_replace_unk_copies_the_word_that_was_looked_at(tmp_path):
    """Words outside the dictionary come through: reversal with unknown names, on raw text."""
    rng = random.Random(1)

    def pairs(count, names):
        for _ in range(count):
            words = [rng.choice("abcdef") for _ in range(rng.randint(1, 4))]
            words.insert(rng.randrange(len(words) + 1), rng.choice(names))
            yield " ".join(words), " ".join(words)

    write_corpus(tmp_path, "train", list(pairs(2000, [f"name{i}" for i in range(500)])))
    for subset in ("valid", "test"):
        write_corpus(tmp_path, subset, list(pairs(40, [f"new{i}" for i in range(500)])))
    data = preprocess(tmp_path, "--thresholdsrc", 50, "--thresholdtgt", 50, "--dataset-impl", "raw")
    flags = ["--arch", "s2s_attn_tiny", "--dataset-impl", "raw", "--max-epoch", 10]
    train(data, tmp_path / "save", *flags)
    output = run(
        "generate",
        data,
        *("--path", tmp_path / "save" / "checkpoint_best.pt", "--scoring", "sacrebleu"),
        *("--dataset-impl", "raw", "--beam", 3, "--replace-unk"),
    )
    references = {number: fields[0] for number, fields in lines(output, "T")}
    texts = hypotheses(output)
    assert len(texts) == 40
    exact = sum(texts[number] == references[number] for number in texts)
    assert exact >= 36


def interactive(monkeypatch, data, path, text, *flags) -> str:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return run("interactive", data, "--path", path, *flags)


def test_interactive_answers_and_survives_empty_and_over_long_lines(monkeypatch, digits, trained):
    text = "1 2 3\n\n" + "4 " * 2000 + "\n5 6\n"
    output = interactive(
        monkeypatch,
        digits / "bin",
        trained / "checkpoint_best.pt",
        text,
        *("--beam", 3, "--max-source-positions", 100),
    )
    texts = [fields[1] for _, fields in lines(output, "H")]
    assert texts[0] == "3 2 1"
    assert texts[-1] == "6 5"


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("constraints", ["ordered", "unordered"])
def test_lexical_constraints_appear(monkeypatch, request, digits, model, constraints):
    output = interactive(
        monkeypatch,
        digits / "bin",
        checkpoint(request, model),
        "1 2 3\t7\n",
        *("--beam", 8, "--constraints", constraints),
    )
    [text] = [fields[1] for _, fields in lines(output, "H")]
    assert "7" in text.split()


@pytest.mark.parametrize("model", BOTH)
def test_validate_reports_the_loss(request, digits, model):
    process = run_alone(
        "validate",
        digits / "bin",
        *("--task", "translation", "--path", checkpoint(request, model)),
        *("--max-tokens", 1000, "--valid-subset", "test"),
    )
    assert process.returncode == 0, process.stderr
    loss = re.search(r"test .*loss ([\d.]+)", process.stdout + process.stderr)
    assert float(loss.group(1)) < 2


def test_guided_alignment_pulls_the_attention_to_the_given_alignment(tmp_path):
    for subset, seed in (("train", 1), ("valid", 2), ("test", 3)):
        pairs = reversed_digits(600 if subset == "train" else 60, longest=5, seed=seed)
        write_corpus(tmp_path, subset, pairs)
        alignments = []
        for source, _ in pairs:
            length = len(source.split())
            alignments.append(" ".join(f"{length - 1 - i}-{i}" for i in range(length)))
        (tmp_path / f"{subset}.align").write_text("\n".join(alignments) + "\n", encoding="utf-8")
    data = preprocess(tmp_path, "--align-suffix", "align")
    train(
        data,
        tmp_path / "save",
        *("--arch", "s2s_attn_tiny", "--max-epoch", 25, "--load-alignments"),
        *("--criterion", "label_smoothed_cross_entropy_with_alignment"),
        *("--alignment-lambda", 0.5),
    )
    path = tmp_path / "save" / "checkpoint_best.pt"
    output = generate(data, path, "--beam", 1, "--print-alignment", "--prefix-size", 5)
    right = total = 0
    sources = dict(lines(output, "S"))
    for number, fields in lines(output, "A"):
        length = len(sources[number][0].split())
        pairs = [tuple(map(int, pair.split("-"))) for pair in fields[0].split()]
        right += sum(source == length - 1 - target for source, target in pairs)
        total += len(pairs)
    assert right / total > 0.9


OUTSIDE = Path(__file__).parent / "outside_plugin"


@pytest.mark.slow
def test_a_model_outside_the_package_trains_and_generates(digits, tmp_path):
    """A subclass in 20 lines, in a --user-dir of its own, in new processes."""
    root = str(Path(__file__).parents[2])
    code = "import sys; from fairseq_cli.{0} import cli_main; sys.exit(cli_main())"

    def fairseq(command, *arguments):
        argv = [warm_process.python(), "-c", code.format(command), str(digits / "bin"), *arguments]
        process = subprocess.run(
            [*map(str, argv), "--user-dir", str(OUTSIDE)],
            env={"PYTHONPATH": root, "PATH": "", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert process.returncode == 0, process.stderr[-2000:]
        return process.stdout

    fairseq(
        "train",
        *("--arch", "my_dot_attn", "--task", "translation", "--optimizer", "adam"),
        *("--lr", 0.005, "--max-tokens", 1000, "--max-epoch", 1, "--save-dir", tmp_path),
        *("--data-buffer-size", 0),
    )
    path = tmp_path / "checkpoint_best.pt"
    output = fairseq("generate", "--path", path, "--beam", 2, "--scoring", "sacrebleu")
    assert len(hypotheses(output)) == 100
    stored = torch.load(path, weights_only=True)["cfg"]["model"]
    assert stored["_name"] == "my_dot_attn"

    def s2s(*arguments):
        argv = [warm_process.python(), "-m", "fairseq_plugins.cli", *map(str, arguments)]
        return subprocess.run(argv, input="1 2\n", capture_output=True, text=True, cwd=root)

    data, own = ("--data", digits / "bin"), ("--user-dir", OUTSIDE)
    assert "'my_dot_attn', which is none of this" in s2s("check", tmp_path, *data).stderr
    checked = s2s("check", tmp_path, *data, "--limit", 20, *own)
    assert "exported = eager" in checked.stdout and "breaks down" not in checked.stdout
    exported = s2s("export", tmp_path, tmp_path / "out", *data, *own)
    assert exported.returncode == 0, exported.stderr
    assert s2s("generate", tmp_path / "out", *own).returncode == 0
    refused = s2s("export", tmp_path, tmp_path / "out", *data, "--user-dir", tmp_path)
    assert refused.returncode == 1 and "is no package" in refused.stderr
