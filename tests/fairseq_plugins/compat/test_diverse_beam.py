"""Tests of diverse beam search beyond the first batch."""

from fairseq_plugins.compat import diverse_beam

from .conftest import lines, of_the_fork, run


@of_the_fork
def test_upstream_still_reads_its_table_with_ids_of_the_data_set() -> None:
    assert diverse_beam.needed()


def test_the_output_does_not_depend_on_the_batches(generate_args, capsys) -> None:
    groups = ["--beam", 4, "--diverse-beam-groups", 2, "--nbest", 1]
    outputs = []
    for size in (3, 100):  # in one batch of all sentences upstream works as well
        run("generate", *generate_args, *groups, "--batch-size", size)
        outputs.append(lines(capsys.readouterr().out, "P"))
    assert len(outputs[0]) == 13
    assert outputs[0] == outputs[1]
