"""The Triton kernels against the formula, on a GPU or else in Triton's interpreter.

The interpreter must be chosen before Triton is imported, so there the laws run in a process of
their own, started by one test.
"""

import importlib.util
import inspect
import os
import subprocess
import sys

import pytest
import torch

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ON_GPU = torch.cuda.is_available() and not INTERPRETED
DEVICE = "cuda" if ON_GPU else "cpu"
HAS_TRITON = importlib.util.find_spec("triton") is not None

needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="needs triton (pip install triton)")

SHAPES = [  # batch, src_len, attention_dim, memory_dim
    (1, 1, 1, 1),
    (3, 5, 1, 7),
    (2, 33, 17, 3),
    (2, 70, 130, 65),
    (2, 2, 3, 300),
    (1, 2, 4200, 1),  # wider than a program's tile
]


def make_case(shape, *, steps=3, scale=1.0, dtype=torch.float32):
    """Random inputs and gradients of several steps, in which the entries of rows are strided."""
    batch, src_len, attention_dim, memory_dim = shape
    generator = torch.Generator().manual_seed(sum(shape))

    def normal(*sizes):
        return torch.randn(*sizes, generator=generator).to(DEVICE)

    lengths = torch.randint(1, src_len + 1, (batch,), generator=generator)
    lengths[0] = src_len
    padded = torch.arange(src_len) < (src_len - lengths).unsqueeze(1)  # to the left
    return {
        "keys": normal(batch, src_len, attention_dim) * scale,
        "energy": normal(attention_dim) / attention_dim**0.5,
        "bias": torch.zeros(padded.shape).masked_fill(padded, float("-inf")).to(DEVICE),
        "values": normal(batch, src_len, memory_dim).to(dtype),
        "queries": (normal(steps, batch, attention_dim + 2) * scale)[:, :, 1:-1],
        "d_contexts": normal(steps, batch, memory_dim + 1)[:, :, 1:],
        "d_alignments": normal(steps, batch, src_len + 1)[:, :, :-1],
    }


def run(case):
    """Alignments, contexts and the gradients of queries, keys and energy, by the kernels."""
    from fairseq_plugins.ops.triton_attention import TritonAttentionStep

    queries, d_alignments = case["queries"], case["d_alignments"]
    steps, batch, _ = queries.shape
    step = TritonAttentionStep(*(case[name] for name in ("keys", "energy", "bias", "values")))

    def rows_of_something_wider(columns):
        return queries.new_full((steps, batch, columns + 3), 7.0)[:, :, 3:]

    alignments = rows_of_something_wider(case["bias"].size(1))
    contexts = rows_of_something_wider(case["values"].size(2))
    d_queries = rows_of_something_wider(queries.size(2))
    for t in range(steps):
        step.forward(queries[t], alignments[t], contexts[t])
    for t in reversed(range(steps)):
        d_alignment = None if d_alignments is None else d_alignments[t]
        step.backward(queries[t], alignments[t], case["d_contexts"][t], d_alignment, d_queries[t])
    return alignments, contexts, d_queries, *step.gradients()


def formula(case):
    """The same in float64, by the equations and torch's autograd."""
    wide = {name: None if value is None else value.double() for name, value in case.items()}
    leaves = [wide[name].detach().requires_grad_() for name in ("queries", "keys", "energy")]
    queries, keys, energy = leaves
    hidden = torch.tanh(queries.unsqueeze(2) + keys)
    alignments = torch.softmax(hidden @ energy + wide["bias"], dim=-1)
    contexts = torch.einsum("tbs,bsc->tbc", alignments, wide["values"])
    loss = (contexts * wide["d_contexts"]).sum()
    if wide["d_alignments"] is not None:
        loss = loss + (alignments * wide["d_alignments"]).sum()
    return alignments, contexts, *torch.autograd.grad(loss, leaves)


def assert_equal(results, expected):
    """The forward pass to 1e-5, each gradient to 1e-4 of its largest entry."""
    for place, (result, wanted) in enumerate(zip(results, expected, strict=True)):
        assert result.isfinite().all()
        bound = 1e-5 if place < 2 else 1e-4 * wanted.abs().max().clamp(min=1e-3).item()
        torch.testing.assert_close(result.double(), wanted, rtol=0, atol=bound)


@needs_triton
class TestKernels:
    """The laws."""

    __test__ = INTERPRETED or ON_GPU

    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_several_steps_are_the_formula(self, shape):
        case = make_case(shape)
        assert_equal(run(case), formula(case))

    def test_without_a_gradient_of_the_alignment_that_of_the_context_is_left(self):
        case = make_case((2, 9, 5, 6)) | {"d_alignments": None}
        assert_equal(run(case), formula(case))

    @pytest.mark.parametrize("programs", [1, 4, 1000])
    def test_it_does_not_matter_how_many_programs_share_a_sentence(self, programs, monkeypatch):
        from fairseq_plugins.ops import triton_attention

        monkeypatch.setattr(triton_attention, "PROGRAMS", programs)
        monkeypatch.setattr(triton_attention, "FEWEST_COLUMNS", 16)
        case = make_case((2, 9, 100, 70))
        assert_equal(run(case), formula(case))

    def test_values_of_16_bits_are_mixed_in_32(self):
        case = make_case((2, 40, 6, 5), dtype=torch.bfloat16)
        assert_equal(run(case), formula(case))

    def test_weights_of_a_hundred_saturate_without_harm(self):
        case = make_case((3, 40, 20, 5), scale=40.0)
        assert case["queries"].abs().max() > 80
        assert_equal(run(case), formula(case))

    def test_energies_of_thousands_overflow_nowhere(self):
        case = make_case((3, 40, 20, 5))
        case["energy"] *= 1e4
        alignments, contexts, *gradients = run(case)
        expected = formula(case)
        torch.testing.assert_close(alignments.double(), expected[0], rtol=0, atol=1e-2)
        torch.testing.assert_close(contexts.double(), expected[1], rtol=0, atol=1e-1)
        assert all(gradient.isfinite().all() for gradient in gradients)

    def test_padding_is_never_looked_at(self):
        case = make_case((3, 40, 20, 5))
        padding = case["bias"].isinf()
        assert padding.any()
        results = run(case)
        case["keys"][padding], case["values"][padding] = 1e3, -1e3
        changed = run(case)
        assert all(torch.equal(new, old) for new, old in zip(changed, results, strict=True))
        assert not changed[0][:, padding].any()
        assert not changed[3][padding].any()

    def test_a_sentence_of_padding_alone_gives_zeros_and_leaves_the_others_alone(self):
        case = make_case((3, 40, 20, 5))
        others = [0, 2]
        case["bias"][1] = float("-inf")
        alone = {
            name: value
            if name == "energy"
            else value[others]
            if name in ("keys", "bias", "values")
            else value[:, others]
            for name, value in case.items()
        }
        alignments, contexts, d_queries, d_keys, d_energy = run(case)
        for result in (alignments[:, 1], contexts[:, 1], d_queries[:, 1], d_keys[1]):
            assert not result.any()
        rest = (alignments[:, others], contexts[:, others], d_queries[:, others], d_keys[others])
        assert_equal((*rest, d_energy), formula(alone))

    def test_before_any_backward_pass_the_sums_are_zero(self):
        from fairseq_plugins.ops.triton_attention import TritonAttentionStep

        case = make_case((2, 3, 4, 5))
        step = TritonAttentionStep(*(case[n] for n in ("keys", "energy", "bias", "values")))
        step.start_backward()
        assert [tuple(total.shape) for total in step.gradients()] == [(2, 3, 4), (4,)]
        assert not any(total.any() for total in step.gradients())

    def test_what_the_kernels_cannot_walk_over_is_refused(self):
        from fairseq_plugins.ops.triton_attention import TritonAttentionStep

        case = make_case((2, 4, 4, 4))
        inputs = [case[name] for name in ("keys", "energy", "bias", "values")]
        with pytest.raises(ValueError, match="values"):
            TritonAttentionStep(*inputs[:3], inputs[3].transpose(1, 2))
        with pytest.raises(ValueError, match="float64"):
            TritonAttentionStep(inputs[0].double(), *inputs[1:])
        query, out = torch.zeros(4, 2, device=DEVICE).t(), torch.zeros(2, 4, device=DEVICE)
        with pytest.raises(ValueError, match=r"\(1, 2\)"):
            TritonAttentionStep(*inputs).forward(query, out, out.clone())

    @pytest.mark.skipif(not ON_GPU, reason="needs a GPU")
    def test_a_loop_of_steps_can_be_captured_in_a_cuda_graph(self):
        case = make_case((3, 40, 20, 5))
        run(case)  # compiles the kernels
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = run(case)
        graph.replay()
        assert_equal(results, formula(case))


@pytest.mark.slow
@needs_triton
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="this process runs them itself")
def test_the_kernels_obey_their_laws_in_tritons_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider"]
    warnings = ["-W", "ignore", "-W", "error::RuntimeWarning"]  # NumPy's, of an overflow
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    laws = subprocess.run(
        [*command, *warnings, f"{__file__}::TestKernels"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert laws.returncode == 0, laws.stdout + laws.stderr


@needs_triton
@pytest.mark.skipif(INTERPRETED, reason="the interpreter compiles nothing")
@pytest.mark.parametrize("capability", [75, 80, 90])
@pytest.mark.parametrize("values", ["*fp32", "*bf16"])
def test_the_kernels_compile_for_gpus_that_this_machine_need_not_have(
    capability, values, monkeypatch, tmp_path
):
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    if "constexprs" not in inspect.signature(ASTSource).parameters:
        pytest.skip(f"triton {triton.__version__} compiles by another call")
    from fairseq_plugins.ops.triton_attention import _attend, _attend_backward

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    blocks = {"WORDS": 8, "UNITS": 64, "COLUMNS": 32}
    for kernel, constants in (
        (_attend, blocks),
        (_attend_backward, {**blocks, "HAS_D_ALIGNMENT": True}),
        (_attend_backward, {**blocks, "HAS_D_ALIGNMENT": False}),
    ):
        numbers = {"src_len", "attention_dim", "memory_dim"}
        numbers |= {name for name in kernel.arg_names if name.endswith("_stride")}
        signature = dict.fromkeys(kernel.arg_names, "*fp32") | {"values": values}
        signature |= dict.fromkeys(numbers, "i32") | dict.fromkeys(constants, "constexpr")
        places = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
        source = ASTSource(fn=kernel, signature=signature, constexprs=places)
        options = {"num_warps": 8, "enable_fp_fusion": True}
        compiled = triton.compile(source, GPUTarget("cuda", capability, 32), options)
        assert f"sm_{capability}" in compiled.asm["ptx"]
        assert compiled.asm["cubin"]
