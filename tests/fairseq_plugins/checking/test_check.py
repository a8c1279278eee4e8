"""``s2s check`` passes a sound model, and finds every planted fault."""

import dataclasses
import json
import random
import shutil
from itertools import pairwise

import pytest
import torch

from fairseq_plugins import S2SError, load
from fairseq_plugins._loading import build, open_model
from fairseq_plugins.checking import check, fit, laws
from fairseq_plugins.checking.program import _read_texts
from fairseq_plugins.checking.subject import Subject, random_pairs, spread
from fairseq_plugins.cli import main
from fairseq_plugins.modules.fast import set_fast

from ..builders import OLD_TORCH, needs_graphs
from ..commands import preprocess, train, write_corpus
from ..golden.__main__ import HERE as GOLDEN

LETTERS = "abcdefgh"


def doubled(count: int, seed: int) -> list[tuple[str, str]]:
    """Letters, the early ones more frequent, and each as two capitals: no task the other way."""
    generator = random.Random(seed)
    weights = [2.0**-place for place in range(len(LETTERS))]
    pairs = []
    for _ in range(count):
        words = generator.choices(LETTERS, weights, k=generator.randint(1, 4))
        pairs.append(
            (" ".join(words), " ".join(f"{word.upper()} {word.upper()}" for word in words))
        )
    return pairs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Binarised with one dictionary for both sides; the text stands beside it."""
    folder = tmp_path_factory.mktemp("doubled")
    for seed, (subset, count) in enumerate((("train", 1500), ("valid", 60), ("test", 60))):
        write_corpus(folder, subset, doubled(count, seed))
    preprocess(folder, "--joined-dictionary")
    return folder


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A trained model."""
    save_dir = tmp_path_factory.mktemp("doubled-run")
    flags = ["--arch", "s2s_attn_tiny", "--rnn-type", "gru", "--max-epoch", 6]
    train(data / "bin", save_dir, *flags)
    return save_dir


@pytest.fixture
def subject(data, run):
    """The same for one law, to be spoiled."""
    opened = open_model(run, data / "bin")
    prepared = load(run, data=data / "bin")
    model = build(opened.checkpoint, opened.task, None).eval()
    yield Subject(model, prepared, random_pairs(*prepared.dictionaries, 20), real=False)
    prepared.close()


def broken(findings) -> list[str]:
    return [finding.law for finding in findings if finding.holds is False]


def test_a_sound_model_obeys_all_laws(data, run):
    findings = check(run, data=data / "bin")
    assert broken(findings) == []
    unasked = [finding.law for finding in findings if finding.holds is None]
    if OLD_TORCH:  # of which some can write graphs, and some cannot
        unasked = [law for law in unasked if law != "exported = eager"]
    assert unasked == [
        "SentencePiece model and dictionaries fit",
        "dictionaries = those beside the checkpoint",
    ]


def test_without_data_the_laws_of_the_computation_are_asked(data, run, tmp_path):
    shutil.copy(run / "checkpoint_best.pt", tmp_path)
    for path in (data / "bin").glob("dict.*"):
        shutil.copy(path, tmp_path)
    findings = check(tmp_path, languages=("src", "tgt"))
    assert broken(findings) == []
    asked = [finding.law for finding in findings if finding.holds]
    assert "padded batch = each sentence alone" in asked and "the source matters" not in asked


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_a_model_of_another_decode_precision_is_checked_in_fp32(tmp_path, precision):
    folder = shutil.copytree(GOLDEN / "s2s_attn", tmp_path / "golden")
    state = torch.load(folder / "checkpoint_best.pt", weights_only=True)
    state["cfg"]["model"]["decode_precision"] = precision
    torch.save(state, folder / "checkpoint_best.pt")
    assert broken(check(folder)) == []


def test_text_in_place_of_binarised_data(data, run):
    findings = check(run, data=data / "bin", texts=(data / "test.src", data / "test.tgt"))
    assert broken(findings) == []
    assert "the source matters" in [finding.law for finding in findings if finding.holds]


def test_nothing_but_a_line_feed_ends_a_line(tmp_path):
    """Before, the pairs behind a U+2028 were shifted, or their number was uneven."""
    strange = "1 2\u2028 3\n4\x0c 5\x85\n\n6\v 7\r\n8\r 9"
    (tmp_path / "strange").write_bytes(strange.encode("utf-8-sig"))
    (tmp_path / "plain").write_text("1 2 3\n4 5\n\n6 7\n8 9\n")
    for names in (("strange", "plain"), ("plain", "strange")):
        pairs = [tmp_path / name for name in names]
        model = load(GOLDEN / "s2s_attn")
        found = _read_texts(model, *pairs)
        model.close()
        assert [source.tolist() for source, _ in found] == [target.tolist() for _, target in found]


@pytest.mark.parametrize("length, count", [(399, 200), (400, 200), (5, 3), (3, 3), (2, 3), (0, 3)])
def test_pairs_are_taken_from_all_over_the_data(length, count):
    places = list(spread(range(length), count))
    assert len(places) == min(length, count)
    assert places == sorted(set(places))
    gaps = [after - before for before, after in pairwise([*places, length])]
    assert not places or (places[0] == 0 and max(gaps) - min(gaps) <= 1)


@pytest.mark.parametrize("other", [{"subset": "test"}, {}, {"texts": True}], ids=str)
def test_the_loss_is_compared_on_the_subset_of_the_validation_alone(data, run, other):
    if "texts" in other:
        other = {"texts": (data / "valid.src", data / "valid.tgt")}
    found = {each.law: each for each in check(run, data=data / "bin", **other)}
    finding = found["loss = that of the training's validation"]
    assert finding.holds is (None if other else True)
    assert finding.detail.startswith("the checkpoint tells that of valid, not of") == bool(other)


# Faults in the files.


def shuffled(folder, out, names):
    """A copy of a folder, some dictionaries in another order."""
    shutil.copytree(folder, out)
    for name in names:
        lines = (out / name).read_text().splitlines()
        random.Random(5).shuffle(lines)
        (out / name).write_text("\n".join(lines) + "\n")
    return out


def test_a_wrong_dictionary_shows_on_text(data, run, tmp_path):
    wrong = shuffled(data / "bin", tmp_path / "bin", ["dict.src.txt", "dict.tgt.txt"])
    findings = check(run, data=wrong, texts=(data / "test.src", data / "test.tgt"))
    assert "better than word frequencies" in broken(findings)
    assert not {law.__name__ for law in laws.LAWS} & set(broken(findings))


def test_a_wrong_dictionary_shows_on_the_datas_frequencies(data, run, tmp_path):
    wrong = shuffled(data / "bin", tmp_path / "bin", ["dict.src.txt", "dict.tgt.txt"])
    assert broken(check(run, data=wrong)) == ["the data's words are the dictionaries'"]


def test_a_wrong_dictionary_shows_beside_the_checkpoints_own(data, run, tmp_path):
    own = shutil.copytree(run, tmp_path / "run")
    for name in ("dict.src.txt", "dict.tgt.txt"):
        shutil.copy(data / "bin" / name, own)
    assert broken(check(own, data=data / "bin")) == []
    wrong = shuffled(data / "bin", tmp_path / "bin", ["dict.tgt.txt"])
    assert "dictionaries = those beside the checkpoint" in broken(check(own, data=wrong))


def test_exchanged_languages(data, run):
    findings = check(run, data=data / "bin", languages=("tgt", "src"))
    assert "source and target are not exchanged" in broken(findings)


def test_data_of_another_kind(data, run, tmp_path):
    other = tmp_path / "other"
    pairs = [(source, " ".join(reversed(LETTERS.upper()))) for source, _ in doubled(60, 9)]
    write_corpus(other, "valid", pairs)
    dictionary = data / "bin" / "dict.src.txt"
    texts = (other / "valid.src", other / "valid.tgt")
    assert dictionary.is_file()
    findings = check(run, data=data / "bin", texts=texts)
    assert {"better than word frequencies", "the source matters"} & set(broken(findings))


def test_a_model_that_has_learned_nothing(data, tmp_path):
    flags = ["--arch", "s2s_attn_tiny", "--max-update", 1]
    train(data / "bin", tmp_path / "run", *flags)
    assert "better than word frequencies" in broken(check(tmp_path / "run", data=data / "bin"))


def test_another_sentencepiece_model(subject):
    class Pieces:
        """Knows no symbol."""

        def piece_to_id(self, symbol: str) -> int:
            return 3

        def unk_id(self) -> int:
            return 3

    subject.prepared.pieces = Pieces()
    finding = fit.pieces_fit(subject)
    assert finding.holds is False and "another model's" in finding.detail


def of_words(subject, *words: int) -> Subject:
    """Eight pairs of data, each of these indices."""
    pair = torch.tensor([*words, subject.source.eos()])
    return dataclasses.replace(subject, pairs=[(pair, pair)] * 8, real=True)


def test_data_without_a_known_word_fit_no_dictionary(subject):
    unknown = of_words(subject, *[subject.source.unk()] * 3)
    finding = fit.counts_fit(unknown)
    assert finding.holds is False and "no word of the dictionary" in finding.detail
    finding = fit.words_are_known(unknown)
    assert finding.holds is False and finding.detail.startswith("100.0% of the source unknown")


@pytest.mark.parametrize("unknown, holds", [(0, True), (2, True), (3, False)])
def test_data_of_which_most_words_are_unknown(subject, unknown, holds):
    known = [subject.source.nspecial] * (4 - unknown)
    found = fit.words_are_known(of_words(subject, *[subject.source.unk()] * unknown, *known))
    assert found.holds is holds and f"{unknown / 4:.1%} of the source unknown" in found.detail


# Faults in the computation.


def test_sound_parts_hold_before_they_are_spoiled(subject):
    assert broken([law(subject) for law in laws.LAWS]) == []


def spoil_mask(model, change):
    """Let the attention see another padding mask."""
    set_fast(model, False)
    attention = model.decoder.attention
    weigh = attention.weigh
    attention.weigh = lambda query, keys, mask, *rest: weigh(query, keys, change(mask), *rest)


def test_a_mask_of_the_wrong_polarity(subject):
    spoil_mask(subject.model, lambda mask: ~mask)
    assert laws.padded_equals_alone(subject).holds is False
    finding = laws.alignments_are_distributions(subject)
    assert finding.holds is False


def test_padding_that_is_not_masked(subject):
    spoil_mask(subject.model, lambda mask: mask & False)
    assert laws.padded_equals_alone(subject).holds is False
    finding = laws.alignments_are_distributions(subject)
    assert finding.holds is False and "padding" in finding.detail


def test_an_alignment_that_is_no_number(subject, monkeypatch):
    monkeypatch.setattr(laws, "attend", lambda model, pairs: [[[float("nan"), 1.0]]])
    assert laws.alignments_are_distributions(subject).holds is False


def test_keys_of_another_sentence_of_the_batch(subject):
    decoder = subject.model.decoder
    project = decoder.attention.project_keys
    decoder.attention.project_keys = lambda memory: project(memory).roll(1, dims=0)
    finding = laws.padded_equals_alone(subject)
    assert finding.holds is False and "keys" in finding.detail


def test_keys_of_another_batch(subject):
    decoder = subject.model.decoder
    project = decoder.attention.project_keys
    kept: dict[tuple[int, ...], torch.Tensor] = {}

    def stale(memory):
        return kept.setdefault(tuple(memory.shape), project(memory))

    decoder.attention.project_keys = stale
    assert laws.padded_equals_alone(subject).holds is False


def test_a_state_that_is_not_carried(subject):
    decoder = subject.model.decoder
    decoder.set_incremental_state = lambda *args: None
    assert laws.forced_equals_stepwise(subject).holds is False


def test_a_prepared_model_that_computes_something_else(subject):
    subject.prepared.model.decoder.prepared.table.mul_(1.1)
    finding = laws.found_equals_forced(subject)
    assert finding.holds is False and "prepared" in finding.detail


def test_a_beam_that_is_not_greedy(subject, monkeypatch):
    from fairseq_plugins import _step_engine

    choose = _step_engine.choose

    def second_best(lprobs, rows, pad, eos):
        best = lprobs.argmax(dim=1, keepdim=True)
        return choose(lprobs.scatter(1, best, float("-inf")), rows, pad, eos)

    monkeypatch.setattr(_step_engine, "choose", second_best)
    assert laws.beam_one_equals_greedy(subject).holds is False


@needs_graphs
def test_a_graph_of_other_weights(subject, monkeypatch):
    trace = laws.trace

    def other(model):
        graphs = trace(model)
        name, weight = next(iter(graphs.step.state_dict.items()))
        graphs.step.state_dict[name] = torch.nn.Parameter(weight + 0.1)
        return graphs

    monkeypatch.setattr(laws, "trace", other)
    assert laws.exported_equals_eager(subject).holds is False


def test_a_model_that_breaks_down_holds_no_law(data, run, monkeypatch):
    def fail(subject):
        raise RuntimeError("no such\nkernel")

    monkeypatch.setattr(laws, "LAWS", (fail,))
    last = check(run, data=data / "bin")[-1]
    assert last.holds is False
    assert last.detail == "the model breaks down: RuntimeError: no such kernel"


# The command.


def test_the_command_prints_a_table_and_tells_by_its_status(data, run, capsys):
    arguments = ["check", str(run), "--data", str(data / "bin"), "--limit", "20"]
    assert main(arguments) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == len(fit.LAWS) + len(laws.LAWS)
    assert len({line.find("holds") for line in table if "  holds  " in line}) == 1
    assert main([*arguments, "-s", "tgt", "-t", "src", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["law"] for each in found if each["holds"] is False]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--limit", "0"], "--limit is 0, but must be above 0."),
        (["-s", "src"], "--source-lang needs --target-lang beside it."),
        (["-t", "src"], "--target-lang needs --source-lang beside it."),
        (["--texts", "a", "b"], "a cannot be read as text"),
        (["--texts", "a", "b", "--subset", "test"], "leave one of them out."),
        (["--subset", "tset"], "There is no subset tset of src and tgt in"),
    ],
)
def test_bad_input_is_one_sentence(data, run, capsys, arguments, sentence):
    assert main(["check", str(run), "--data", str(data / "bin"), *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_texts_of_unequal_length(data, run, tmp_path):
    (tmp_path / "short").write_text("a\n")
    with pytest.raises(S2SError, match="has 60 lines and .* 1:"):
        check(run, data=data / "bin", texts=(data / "test.src", tmp_path / "short"))


def test_a_finding_is_plain_data():
    assert dataclasses.asdict(laws.Finding("law", True, "why")) == {
        "law": "law",
        "holds": True,
        "detail": "why",
    }
