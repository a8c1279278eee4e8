"""The stepwise search finds what fairseq's finds, whoever joins and leaves meanwhile."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from fairseq_plugins._step_engine import ROWS_TO_JOIN, STEPS_TO_JOIN, Engine, Job, Row
from fairseq_plugins._word_choice import History, choose
from fairseq_plugins.errors import S2SError
from fairseq_plugins.stepwise import Busy, RowOptions, Step, StepBatcher

from .. import warm_process
from .builders import build_model, collate, random_pairs
from .cases import build_case
from .test_laws import over_cases
from .test_search import make_translation_task, search

LENGTHS = (3, 7, 1, 5)
OPTIONS = RowOptions(max_len=8)


def make(arch="s2s_attn_tiny", *, sharpened=4, **options):
    """A task and a model, ready for generation, that says different things to different sources."""
    task = make_translation_task(target_symbols=9)
    return task, ready(build_model(arch, task, **options), sharpened)


def ready(model, sharpened=4):
    for parameter in model.parameters():
        parameter.data.mul_(sharpened)
    model.make_generation_fast_()
    return model


def sources_of(task, lengths=LENGTHS):
    return [source for source, _ in random_pairs(task, [(length, 1) for length in lengths])]


def expected_of(task, model, sources, **options):
    """What fairseq's beam of one finds for each source alone."""
    target = torch.tensor([task.target_dictionary.eos()])
    options = {"max_len_b": 8, "min_len": 1, **options}
    batches = [collate(task, [(source, target)]) for source in sources]
    return [search(task, model, batch, beam=1, **options)[0][0] for batch in batches]


def steps_of(row: Row) -> list[Step]:
    """What a row has found; it must have ended well."""
    return [step for _ in range(row.found.qsize()) for step in row.found.get_nowait()]


def assert_same(steps, expected):
    assert [step.word for step in steps] == expected["tokens"].tolist()
    scores = [step.score for step in steps]
    torch.testing.assert_close(torch.tensor(scores), expected["positional_scores"].float())
    attention = expected["attention"]
    if attention is None or not attention.numel():
        assert all(step.alignment is None for step in steps)
    else:
        alignment = torch.tensor([step.alignment for step in steps])
        torch.testing.assert_close(alignment, attention.t().float(), atol=1e-5, rtol=1e-4)


@over_cases
def test_greedy_is_fairseqs_beam_of_one_while_others_join_and_leave(case):
    task = make_translation_task(target_symbols=9)
    model = ready(build_case(case, task))
    sources = sources_of(task)
    expected = expected_of(task, model, sources)
    first, second, third, fourth = (Row(source, OPTIONS) for source in sources)
    gone = Row(sources_of(task, [9])[0], RowOptions(max_len=30, min_len=30))
    engine = Engine(model, max_rows=8, max_waiting=8)
    with torch.inference_mode():
        for joining in ([first], [gone], [second, third], []):
            engine.add_rows(joining)
            engine.turn()
        gone.left = True
        engine.add_rows([fourth])
        while engine.rows or engine.waiting:
            engine.turn()
    for row, output in zip((first, second, third, fourth), expected, strict=True):
        assert_same(steps_of(row), output)


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
@pytest.mark.parametrize(
    "options",
    [
        {"min_len": 4},
        {"max_len": 2},
        {"no_repeat_ngram": 1, "max_len": 5},
        {"no_repeat_ngram": 2},
        {"no_repeat_ngram": 3, "min_len": 8},
    ],
    ids=str,
)
def test_bounds_and_repetitions_are_those_of_fairseqs_generator(arch, options):
    task, model = make(arch)
    sources = sources_of(task)
    options = {"max_len": 8, "min_len": 1, "no_repeat_ngram": 0, **options}
    expected = expected_of(
        task,
        model,
        sources,
        min_len=options["min_len"],
        max_len_b=options["max_len"],
        no_repeat_ngram_size=options["no_repeat_ngram"],
    )
    with closing(StepBatcher(model)) as batcher:
        streams = batcher.stream(sources, [RowOptions(**options)] * len(sources))
        for stream, output in zip(streams, expected, strict=True):
            assert_same(list(stream), output)


def test_rows_wait_for_a_place_and_all_get_one():
    task, model = make()
    sources = sources_of(task)
    with closing(StepBatcher(model, max_rows=2)) as batcher:
        streams = batcher.stream(sources * 3, [OPTIONS] * 12)
        found = [list(stream) for stream in streams]
    for steps, output in zip(found, expected_of(task, model, sources) * 3, strict=True):
        assert_same(steps, output)


def test_a_step_is_held_for_more_but_for_the_first_and_the_last():
    row = Row(torch.tensor([4, 2]), OPTIONS)
    for word, wait in ((7, 60.0), (8, 60.0), (9, 60.0), (2, 0.0)):
        row.give(Step(word, -1.0, None), wait)
    handed = [row.found.get_nowait() for _ in range(row.found.qsize())]
    assert [[step.word for step in steps] for steps in handed] == [[7], [8, 9, 2]]


def test_where_many_run_new_rows_join_together_and_none_waits_long():
    task, model = make()
    [source] = sources_of(task, [4])
    engine = Engine(model, max_rows=32, max_waiting=32)
    run = 2 * ROWS_TO_JOIN

    def turns_until(count):
        turns = 0
        while len(engine.rows) != count:
            engine.turn()
            turns += 1
        return turns

    with torch.inference_mode():
        for rows, joined, turns in (
            (run, run, 1),  # where none run, at once
            (2, run + 2, 1),  # enough for one pass
            (1, run + 3, 1 + STEPS_TO_JOIN),  # not enough: after some steps
            (1, run + 4, 1 + STEPS_TO_JOIN),  # as long again
        ):
            engine.add_rows([Row(source, RowOptions(min_len=10**6, max_len=10**6))] * rows)
            assert turns_until(joined) == turns


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
def test_the_same_seed_draws_the_same_alone_or_in_company(arch):
    task, model = make(arch, sharpened=1)
    sources = sources_of(task)
    options = [
        RowOptions(sampling=True, seed=seed, max_len=12, temperature=1.3, topk=7, topp=0.95)
        for seed in range(4)
    ]
    others = [RowOptions(max_len=12), RowOptions(sampling=True, max_len=5)]
    with closing(StepBatcher(model)) as batcher:
        alone = [
            [step.word for step in batcher.stream([source], [option])[0]]
            for source, option in zip(sources, options, strict=True)
        ]
        streams = batcher.stream([*sources[:2], *sources], [*others, *options])
        together = [[step.word for step in stream] for stream in streams]
    assert together[2:] == alone
    assert len({tuple(words) for words in alone}) > 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.4, 0.3, 0.2, 0.1]),
        ({"topk": 2}, [4 / 7, 3 / 7, 0, 0]),
        ({"topp": 0.7}, [4 / 7, 3 / 7, 0, 0]),
        ({"topp": 0.71}, [4 / 9, 3 / 9, 2 / 9, 0]),
        ({"topp": 0.9, "topk": 1}, [1, 0, 0, 0]),
        ({"temperature": 0.5}, [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
    ],
    ids=str,
)
def test_draws_follow_the_distribution_that_is_asked_for(options, expected):
    rows = [History(RowOptions(sampling=True, seed=seed, **options)) for seed in range(4000)]
    pad, eos, others = 0, 1, [2, 3, 4, 5]
    probabilities = torch.zeros(6)
    probabilities[others] = torch.tensor([0.4, 0.3, 0.2, 0.1])
    lprobs = probabilities.log().repeat(len(rows), 1)
    lprobs[:, pad] = 5.0  # whatever padding has
    words, scores = choose(lprobs, rows, pad, eos)
    share = words.bincount(minlength=6)[others] / len(rows)
    torch.testing.assert_close(share, torch.tensor(expected).float(), atol=0.03, rtol=0)
    torch.testing.assert_close(scores, probabilities.log()[words])


def test_an_output_of_no_number_ends():
    rows = [History(RowOptions()), History(RowOptions(sampling=True))]
    words, _ = choose(torch.full((2, 6), float("nan")), rows, pad=0, eos=1)
    assert words.tolist() == [1, 1]


def endless(batcher, source):
    """A row that goes on for as long as nobody ends it."""
    [stream] = batcher.stream([source], [RowOptions(min_len=10**6, max_len=10**6)])
    return stream


def test_closing_a_stream_frees_its_row():
    task, model = make()
    [source] = sources_of(task, [4])
    with closing(StepBatcher(model, max_rows=1)) as batcher:
        for _ in range(3):
            stream = endless(batcher, source)
            assert next(stream).alignment is not None
            stream.close()
            assert list(stream) == []
        dropped = endless(batcher, source)
        next(dropped)
        del dropped
        assert list(batcher.stream([source], [OPTIONS])[0])


def test_more_than_may_wait_are_refused_and_those_that_wait_are_served():
    task, model = make()
    [source] = sources_of(task, [4])
    with closing(StepBatcher(model, max_rows=1, max_waiting=2)) as batcher:
        running = endless(batcher, source)
        next(running)
        waiting = batcher.stream([source] * 2, [OPTIONS] * 2)
        with pytest.raises(Busy, match="busy"):
            batcher.stream([source], [OPTIONS])
        waiting[0].close()  # who has gone leaves its place
        again = batcher.stream([source], [OPTIONS])
        running.close()
        assert [list(stream) != [] for stream in (*again, waiting[1])] == [True, True]


def test_one_call_may_have_more_rows_than_may_wait():
    task, model = make()
    sources = sources_of(task) * 3
    with closing(StepBatcher(model, max_rows=2, max_waiting=4)) as batcher:
        streams = batcher.stream(sources, [OPTIONS] * len(sources))
        assert all(list(stream) for stream in streams)


def test_where_no_row_can_be_dropped_all_get_the_error_and_the_thread_goes_on(monkeypatch):
    task, model = make()
    sources = sources_of(task)
    engine = Engine(model, max_rows=8, max_waiting=8)
    rows = [Row(source, RowOptions(min_len=9, max_len=9)) for source in sources]

    def broken(rows):
        raise RuntimeError("no memory")

    with torch.inference_mode():
        engine.add_rows(rows[:3])
        engine.turn()
        rows[0].left = True
        engine.add_rows(rows[3:])
        job = Job([None], lambda items: ["done"], None)
        engine.add_job(job)
        monkeypatch.setattr(engine.batch, "keep", broken)
        while engine.rows or engine.waiting or engine.jobs:
            engine.turn()
    for row in rows[1:3]:
        *_, error = [row.found.get_nowait() for _ in range(row.found.qsize())]
        assert isinstance(error, RuntimeError)
    assert len(steps_of(rows[3])) == 10
    assert job.future.result(0) == ["done"]


def test_the_thread_of_a_model_on_a_gpu_works_on_that_one(monkeypatch):
    _, model = make()
    told = []
    fake = SimpleNamespace(device=torch.device("cuda:1"))
    engine = Engine(model, max_rows=1, max_waiting=1)
    monkeypatch.setattr(model, "parameters", lambda: iter([fake]))
    monkeypatch.setattr(torch.cuda, "set_device", told.append)
    engine.close()
    engine.run()
    assert told == [torch.device("cuda:1")]


FORKED = """
import os, sys
from tests.fairseq_plugins.test_stepwise import *
task, model = make()
batcher = StepBatcher(model)
[source] = sources_of(task, [4])
expected = list(batcher.stream([source], [OPTIONS])[0])
begun = endless(batcher, source)
next(begun)
child = os.fork()
if child == 0:
    found = list(batcher.stream([source], [OPTIONS])[0])
    try:
        list(begun)
    except S2SError as error:
        print(found == expected, batcher.run(lambda: 3), error, flush=True)
    del begun
    batcher.close()
    sys.exit(7)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(code, next(begun).score < 0, batcher.run(lambda: 4))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_process_has_a_thread_of_its_own():
    process = subprocess.run(
        [warm_process.python(), "-c", FORKED],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=300,
    )
    told, kept = process.stdout.splitlines()
    assert told.startswith("True 3 The process has forked"), process.stderr
    assert kept == "7 True 4"


def test_an_error_of_the_model_reaches_all_callers_and_the_thread_goes_on():
    task, model = make()
    sources = sources_of(task)
    forward = model.decoder.forward
    with closing(StepBatcher(model)) as batcher:
        streams = batcher.stream(sources, [RowOptions(min_len=10**6, max_len=10**6)] * 4)
        for stream in streams:
            next(stream)

        def broken(*args, **kwargs):
            raise RuntimeError("no memory")

        model.decoder.forward = broken
        for stream in streams:
            with pytest.raises(RuntimeError, match="no memory"):
                list(stream)
            assert list(stream) == []
        with pytest.raises(RuntimeError, match="no memory"):
            list(batcher.stream(sources, [OPTIONS] * 4)[0])
        model.decoder.forward = forward
        for stream, output in zip(
            batcher.stream(sources, [OPTIONS] * 4), expected_of(task, model, sources), strict=True
        ):
            assert_same(list(stream), output)


def test_other_work_is_done_in_the_models_thread_between_two_steps():
    task, model = make()
    [source] = sources_of(task, [4])
    with closing(StepBatcher(model)) as batcher:
        stream = endless(batcher, source)
        next(stream)
        name = batcher.run(lambda: threading.current_thread().name)
        assert name == "s2s-steps" and threading.current_thread().name != name
        assert next(stream).score < 0
        assert batcher.run(lambda: batcher.run(lambda: 3)) == 3  # from inside: at once
        with pytest.raises(ZeroDivisionError):
            batcher.run(lambda: 1 / 0)
        assert batcher.run(torch.is_inference_mode_enabled)


def test_work_with_equal_keys_is_done_in_one_call():
    _, model = make()
    calls, begun, go_on = [], threading.Event(), threading.Event()

    def wait():
        begun.set()
        go_on.wait(10)

    def square(numbers):
        calls.append(sorted(numbers))
        return [number**2 for number in numbers]

    with closing(StepBatcher(model)) as batcher:
        found = {}

        def ask(number, key):
            found[number] = batcher.run_together([number, -number], square, key)

        threads = [threading.Thread(target=batcher.run, args=(wait,))]
        threads += [threading.Thread(target=ask, args=(n, n < 3)) for n in range(1, 5)]
        threads[0].start()
        begun.wait(10)
        for thread in threads[1:]:
            thread.start()
        while len(batcher._engine.jobs) < 4:
            threading.Event().wait(0.001)
        go_on.set()
        for thread in threads:
            thread.join()
    assert found == {n: [n**2, n**2] for n in range(1, 5)}
    assert sorted(calls) == [[-4, -3, 3, 4], [-2, -1, 1, 2]]


def test_bad_work_fails_nobody_that_it_is_done_with():
    def invert(numbers):
        return [1 / number for number in numbers]

    jobs = [Job([number], invert, "invert") for number in (2, 0, 4)]
    jobs[0].do(jobs)
    assert [jobs[0].future.result(0), jobs[2].future.result(0)] == [[0.5], [0.25]]
    with pytest.raises(ZeroDivisionError):
        jobs[1].future.result(0)


def test_after_close_whoever_waits_gets_a_sentence():
    task, model = make()
    [source] = sources_of(task, [4])
    batcher = StepBatcher(model, max_rows=1)
    running = endless(batcher, source)
    next(running)
    [waiting] = batcher.stream([source], [OPTIONS])
    batcher.close()
    for stream in (running, waiting):
        with pytest.raises(S2SError, match="closed"):
            list(stream)
    with pytest.raises(S2SError, match="closed"):
        batcher.stream([source], [OPTIONS])
    with pytest.raises(S2SError, match="closed"):
        batcher.run(int)
    batcher.close()
    assert not batcher._thread.is_alive()


def test_the_thread_ends_with_the_last_reference_and_the_model_is_free():
    task, model = make()
    batcher = StepBatcher(model)
    thread, seen = batcher._thread, weakref.ref(model)
    stream = endless(batcher, sources_of(task, [4])[0])
    next(stream)
    del batcher, model
    gc.collect()
    assert thread.is_alive()  # a stream needs it
    del stream
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
    gc.collect()
    assert seen() is None


def test_a_program_that_forgets_to_close_ends_well():
    code = (
        "from tests.fairseq_plugins.test_stepwise import *\n"
        "task, model = make()\n"
        "batcher = StepBatcher(model)\n"
        "stream = endless(batcher, sources_of(task, [4])[0])\n"
        "print(next(stream).word >= 0)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=300,
    )
    assert (process.returncode, process.stdout.strip()) == (0, "True"), process.stderr
