"""The pointer against a loop in NumPy, with repeated words, padding and two dictionaries."""

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary

from fairseq_plugins.modules.pointer import FLOOR, PointerGenerator, UnknownMarkers

DIMS = (3, 2, 4)


def make_dictionary(symbols):
    dictionary = Dictionary()
    for symbol in symbols:
        dictionary.add_symbol(symbol)
    return dictionary


SOURCE = make_dictionary("e d c b a x <unk-0> <unk-1> <unk-2>".split())
TARGET = make_dictionary("a b c d y <unk-0> <unk-1>".split())  # another order, no e, no <unk-2>
SENTENCES = ["a b a c a", "<unk-0> b <unk-1> <unk-2>", "x e"]


def make_case(left_pad=True, dtype=torch.double):
    """A pointer, and the arguments of one call with random numbers."""
    torch.manual_seed(1)
    pointer = PointerGenerator(DIMS, SOURCE, TARGET).to(dtype)
    src_tokens = torch.full((3, 6), SOURCE.pad())
    alignment = torch.zeros(3, 4, 6, dtype=dtype)
    for row, sentence in enumerate(SENTENCES):
        words = [SOURCE.index(word) for word in [*sentence.split(), "</s>"]]
        place = slice(6 - len(words), 6) if left_pad else slice(0, len(words))
        src_tokens[row, place] = torch.tensor(words)
        alignment[row, :, place] = torch.rand(4, len(words), dtype=dtype).softmax(-1)
    logits = torch.randn(3, 4, len(TARGET), dtype=dtype)
    inputs = tuple(torch.randn(3, 4, dim, dtype=dtype) for dim in DIMS)
    return pointer, (logits, inputs, alignment, src_tokens)


def reference(pointer, logits, inputs, alignment, src_tokens):
    """Equation 9, one probability at a time; a symbol is found by its name."""
    weight, bias = (p.detach().numpy() for p in (pointer.gate.weight, pointer.gate.bias))
    gate = 1 / (1 + np.exp(-(np.concatenate(inputs, axis=-1) @ weight.T + bias)))
    generated = np.exp(logits.numpy())
    for index, symbol in enumerate(TARGET.symbols):
        if symbol.startswith("<unk-"):
            generated[..., index] = 0
    probabilities = gate * generated / generated.sum(axis=-1, keepdims=True)
    for row, t, j in np.ndindex(*alignment.shape):
        symbol = SOURCE[src_tokens[row, j]]
        if symbol != "<pad>":
            copied = TARGET.index(symbol) if symbol in TARGET else TARGET.unk()
            probabilities[row, t, copied] += (1 - gate[row, t, 0]) * alignment[row, t, j].item()
    return probabilities


@pytest.mark.parametrize("left_pad", [True, False])
def test_probabilities_are_equation_9_with_repeated_words_and_two_dictionaries(left_pad):
    pointer, arguments = make_case(left_pad)
    probabilities = pointer(*arguments).exp().detach().numpy()
    np.testing.assert_allclose(probabilities, reference(pointer, *arguments), atol=2 * FLOOR)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=len(TARGET) * FLOOR)


def test_a_source_symbol_that_the_target_lacks_is_copied_as_unk():
    pointer, (_, _, alignment, src_tokens) = make_case()
    copies = pointer.copy_distribution(alignment, src_tokens, len(TARGET))
    torch.testing.assert_close(copies[2, :, TARGET.unk()], alignment[2, :, 3:5].sum(-1))  # x, e
    torch.testing.assert_close(copies[2, :, TARGET.eos()], alignment[2, :, 5])


def test_padding_is_never_copied_even_where_it_is_attended():
    pointer, (_, _, alignment, src_tokens) = make_case()
    alignment = torch.full_like(alignment, 1 / alignment.size(-1))
    copies = pointer.copy_distribution(alignment, src_tokens, len(TARGET))
    assert not copies[..., TARGET.pad()].any()
    torch.testing.assert_close(
        copies.sum(-1), alignment.sum(-1) * src_tokens.ne(1).sum(-1)[:, None] / 6
    )


def test_an_unknown_word_in_the_source_is_copied_exactly():
    pointer, (logits, inputs, alignment, src_tokens) = make_case()
    pointer.gate.weight.data.zero_()
    pointer.gate.bias.data.fill_(-30)  # copies, whatever the inputs
    alignment = torch.zeros_like(alignment)
    alignment[1, :, 1] = alignment[0, :, 0] = alignment[2, :, 5] = 1  # <unk-0>, a, </s>
    best = pointer(logits, inputs, alignment, src_tokens).argmax(-1)
    expected = [[TARGET.index(symbol)] * 4 for symbol in ("a", "<unk-0>", "</s>")]
    assert best.tolist() == expected


def test_a_marker_that_is_not_in_the_source_gets_the_floor_and_no_gradient():
    pointer, (logits, inputs, alignment, src_tokens) = make_case()
    logits = (logits + 50 * pointer.markers.mask).requires_grad_()  # wants to generate markers
    log_probs = pointer(logits, inputs, alignment, src_tokens)
    absent = log_probs[0, :, TARGET.index("<unk-0>")]  # the first sentence has no marker
    torch.testing.assert_close(absent.exp(), torch.full_like(absent, FLOOR))
    absent.sum().backward()
    assert not logits.grad.any()
    assert not pointer.gate.weight.grad.any()


def test_every_log_probability_and_its_gradient_is_finite():
    pointer, (logits, inputs, alignment, src_tokens) = make_case(dtype=torch.float32)
    for bias in (-1000.0, 0.0, 1000.0):  # a gate that is shut either way
        pointer.gate.bias.data.fill_(bias)
        logits = (30 * logits.detach()).requires_grad_()
        leaf = alignment.clone().requires_grad_()
        log_probs = pointer(logits, inputs, leaf, src_tokens)
        log_probs.sum().backward()
        for tensor in (log_probs, logits.grad, leaf.grad, pointer.gate.weight.grad):
            assert torch.isfinite(tensor).all()


def test_a_word_learns_however_improbable_it_is():
    pointer, (logits, inputs, alignment, src_tokens) = make_case(dtype=torch.float32)
    word = TARGET.index("y")  # not in any source
    logits[..., word] = -60
    logits.requires_grad_()
    pointer(logits, inputs, alignment, src_tokens)[..., word].sum().backward()
    torch.testing.assert_close(logits.grad[..., word], torch.ones(3, 4))


def test_gradients_are_those_of_finite_differences():
    pointer, (logits, inputs, alignment, src_tokens) = make_case()

    def call(logits, alignment, *inputs):
        return pointer(logits, inputs, alignment, src_tokens)

    leaves = [tensor.requires_grad_() for tensor in (logits, alignment, *inputs)]
    real = src_tokens.ne(SOURCE.pad()).unsqueeze(1)

    def on_real_positions(logits, alignment, *inputs):
        return call(logits, alignment * real, *inputs)

    assert torch.autograd.gradcheck(on_real_positions, leaves)


def test_one_step_is_a_row_of_all_steps():
    pointer, (logits, inputs, alignment, src_tokens) = make_case()
    whole = pointer(logits, inputs, alignment, src_tokens)
    for t in range(4):
        step = slice(t, t + 1)
        alone = pointer(
            logits[:, step], tuple(x[:, step] for x in inputs), alignment[:, step], src_tokens
        )
        torch.testing.assert_close(alone, whole[:, step])


def test_half_precision_is_mixed_in_single_and_given_back_in_half():
    pointer, (logits, inputs, alignment, src_tokens) = make_case(dtype=torch.float32)
    expected = pointer(logits, inputs, alignment, src_tokens)
    half = tuple(x.half() for x in inputs)
    result = pointer.half()(logits.half(), half, alignment.half(), src_tokens)
    assert result.dtype == torch.half
    torch.testing.assert_close(result.float(), expected, atol=0.02, rtol=0.005)


def test_log_probabilities_in_place_of_logits_give_the_same():
    pointer, (logits, *rest) = make_case()
    torch.testing.assert_close(pointer(logits.log_softmax(-1), *rest), pointer(logits, *rest))


def test_a_checkpoint_holds_the_gate_alone():
    pointer, _ = make_case()
    assert set(pointer.state_dict()) == {"gate.weight", "gate.bias"}


@pytest.mark.parametrize("dims", [[], [3, 0]])
def test_sizes_below_1_are_refused_quoting_them(dims):
    with pytest.raises(ValueError) as error:
        PointerGenerator(dims, SOURCE, TARGET)
    assert str(dims) in str(error.value)


def test_markers_become_unk_and_nothing_else_does():
    markers = UnknownMarkers(TARGET)
    tokens = torch.arange(len(TARGET)).reshape(-1, 1)
    expected = ["<unk>" if s.startswith("<unk") else s for s in TARGET.symbols]
    assert [TARGET[index] for index in markers.replace(tokens).flatten()] == expected
    assert [s for s, m in zip(TARGET.symbols, markers.mask, strict=True) if m] == [
        "<unk-0>",
        "<unk-1>",
    ]
    assert markers.count == 2


def test_words_that_only_resemble_a_marker_are_words():
    dictionary = make_dictionary(["<unk->", "<unk-01>", "<unk-1>x", "unk-1", "<UNK-1>", "<unk--1>"])
    markers = UnknownMarkers(dictionary)
    tokens = torch.arange(len(dictionary))
    assert markers.count == 0
    assert not markers.mask.any()
    assert torch.equal(markers.replace(tokens), tokens)
