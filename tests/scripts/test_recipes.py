"""The small scripts: what they call, in which order, and that a failure is not lost."""

import shutil

import pytest

from .sandbox import Sandbox

NOTE = 'echo "${0##*/} $*" >>"$CALLS"'


@pytest.fixture
def chat(sandbox: Sandbox) -> Sandbox:
    """The chat's recipes with fairseq's commands and Python as stand-ins."""
    sandbox.tool("python", NOTE)
    sandbox.tool("fairseq-train", NOTE)
    preprocess = (
        'while [ "$1" != --destdir ]; do shift; done; mkdir -p "$2"; touch "$2"/dict.{src,tgt}.txt'
    )
    sandbox.tool("fairseq-preprocess", f"{NOTE}\n{preprocess}")
    for name in ("chat", "chat-en"):
        sandbox.tool(f"data-bin/{name}.text/spm.model", "pieces")
        sandbox.tool(f"data-bin/{name}.text/words.txt", "hello 3")
    sandbox.tool("nproc", "echo 1")
    return sandbox


@pytest.mark.parametrize("script", ["scripts/prepare_chat.sh", "scripts/train_chat.sh"])
def test_an_unknown_language_is_one_sentence(chat: Sandbox, script: str) -> None:
    result = chat.run(script, CHAT_LANG="fr")
    assert result.returncode == 2
    assert "CHAT_LANG=fr is none of en, zh, both" in result.stderr
    assert chat.calls() == []


@pytest.mark.parametrize(("language", "name"), [("both", "chat"), ("en", "chat-en")])
def test_the_chat_is_prepared_checked_and_trained(chat: Sandbox, language: str, name: str) -> None:
    for script in ("scripts/prepare_chat.sh", "scripts/train_chat.sh"):
        assert chat.run(script, "--seed", "7", CHAT_LANG=language).returncode == 0
    made, checked, also_checked, *binarised, begun, trained = chat.calls()
    text = f"data-bin/{name}.text"
    assert made == f"python scripts/prepare_chat.py --lang {language} --out {text} --turns 1"
    assert checked == f"python scripts/check_text.py {text}/train.src {text}/train.tgt"
    assert also_checked == f"python scripts/check_text.py {text}/valid.src {text}/valid.tgt"
    common = f"fairseq-preprocess --source-lang src --target-lang tgt --srcdict {text}/spm.dict.txt"
    assert all(call.startswith(f"{common} --tgtdict {text}/tgt.dict.txt") for call in binarised)
    parts = sorted(call.split("--trainpref ")[1].split()[0] for call in binarised)  # at a time
    assert parts == [f"{text}/./train", f"{text}/plan/train"]
    assert begun.startswith(f"fairseq-train data-bin/{name}/plan --user-dir fairseq_plugins")
    assert trained.startswith(f"fairseq-train data-bin/{name} --user-dir fairseq_plugins")
    first = f"checkpoints/{name}/plan"
    assert f" --save-dir {first} " in begun and "--seed 7" not in begun
    assert f" --finetune-from-model {first}/checkpoint_last.pt " in trained
    assert trained.endswith("--seed 7 --cpu")  # the user's flag comes last, so it wins
    assert " --update-freq 2 " in trained  # one core takes both halves of a batch
    beside = {path.name for path in (chat.root / "checkpoints" / name).iterdir()}
    assert beside == {"dict.src.txt", "dict.tgt.txt", "spm.model", "words.txt", "card.json"}


def test_two_cores_share_a_batch_of_the_chat(chat: Sandbox) -> None:
    chat.tool("python", "echo 4242")
    chat.tool("nproc", "echo 16")
    chat.tool("data-bin/chat/dict.src.txt", "")
    for name in ("dict.tgt.txt", "spm.model", "words.txt"):
        chat.tool(f"data-bin/chat/{name}", "")
    assert chat.run("scripts/train_chat.sh").returncode == 0
    calls = chat.calls()
    for part in (calls[:2], calls[2:]):
        assert sorted(call.rsplit(" ", 2)[-1] for call in part) == ["0", "1"]
        assert all(call.rsplit(" ", 2)[1] == "--distributed-rank" for call in part)
    assert all(" --update-freq 1 " in call for call in calls)


@pytest.mark.parametrize(("speakers", "flag"), [("1", " --speakers"), ("0", "")])
def test_more_turns_and_speakers_are_asked_for(chat: Sandbox, speakers: str, flag: str) -> None:
    assert (
        chat.run("scripts/prepare_chat.sh", CHAT_TURNS="2", CHAT_SPEAKERS=speakers).returncode == 0
    )
    assert chat.calls()[0].endswith(f"--out data-bin/chat.text --turns 2{flag}")


def test_data_that_fail_the_check_leave_the_old_data(chat: Sandbox) -> None:
    assert chat.run("scripts/prepare_chat.sh").returncode == 0
    chat.tool("python", 'case "$*" in *check_text*) exit 1 ;; esac')
    assert chat.run("scripts/prepare_chat.sh").returncode == 1
    assert (chat.root / "data-bin/chat/spm.model").exists()


@pytest.fixture
def tests(sandbox: Sandbox) -> Sandbox:
    """scripts/test.sh with everything that it calls as stand-ins."""
    sandbox.tool("scripts/setup_env.sh", NOTE)
    sandbox.tool(".venv/bin/ruff", NOTE)
    sandbox.tool(".venv/bin/python", f'{NOTE}\necho 3 passed\nexit "${{FAKE_STATUS:-0}}"')
    return sandbox


PYTEST = "python -m pytest -n 2 --dist loadfile"


@pytest.mark.parametrize(
    ("arguments", "pytest_call"),
    [
        ([], f"{PYTEST} -m not slow"),
        (["--all"], PYTEST),
        (["tests/scripts", "-k", "a"], f"{PYTEST} -m not slow tests/scripts -k a"),
        (["--all", "-x"], f"{PYTEST} -x"),
    ],
)
def test_the_tests_run_after_set_up_and_style(
    tests: Sandbox, arguments: list[str], pytest_call: str
) -> None:
    result = tests.run("scripts/test.sh", *arguments)
    assert (result.returncode, result.stdout) == (0, "3 passed\n")
    assert tests.calls() == ["setup_env.sh ", "ruff check .", "ruff format --check .", pytest_call]


def test_a_failing_test_or_style_fails_the_script(tests: Sandbox) -> None:
    assert tests.run("scripts/test.sh", FAKE_STATUS="1").returncode == 1
    tests.tool(".venv/bin/ruff", "exit 1")
    assert tests.run("scripts/test.sh").returncode == 1


def test_help_of_the_tests_sets_nothing_up(tests: Sandbox) -> None:
    result = tests.run("scripts/test.sh", "--help")
    assert result.returncode == 0
    assert "--all" in result.stdout
    assert tests.calls() == []


CI_CALLS = ["setup_env.sh ", "python -m pip install -q triton", "test.sh --all"]


@pytest.fixture
def ci(sandbox: Sandbox) -> Sandbox:
    """.ci/run on a Debian that lacks the browser."""
    sandbox.tool("dpkg", "exit 1")
    sandbox.tool("apt-get", NOTE)
    sandbox.tool("scripts/setup_env.sh", NOTE)
    sandbox.tool(".venv/bin/python", NOTE)
    sandbox.tool("scripts/test.sh", f'{NOTE}\necho 3 passed\nexit "${{FAKE_STATUS:-0}}"')
    return sandbox


def test_ci_installs_the_browser_and_runs_all_tests(ci: Sandbox) -> None:
    result = ci.run(".ci/run")
    assert (result.returncode, result.stdout) == (0, "3 passed\n")
    update, install, *others = ci.calls()
    assert update.startswith("apt-get update")
    assert install.endswith("chromium fonts-noto-cjk")
    assert others == CI_CALLS


def test_ci_installs_nothing_that_is_there(ci: Sandbox) -> None:
    ci.tool("dpkg", "exit 0")
    assert ci.run(".ci/run").returncode == 0
    assert ci.calls() == CI_CALLS


def test_triton_that_cannot_be_installed_leaves_its_tests_out(ci: Sandbox) -> None:
    ci.tool("dpkg", "exit 0")
    ci.tool(".venv/bin/python", "exit 1")
    result = ci.run(".ci/run")
    assert result.returncode == 0
    assert "triton cannot be installed here" in result.stdout
    assert ci.calls() == ["setup_env.sh ", "test.sh --all"]


def test_ci_fails_with_the_tests(ci: Sandbox) -> None:
    assert ci.run(".ci/run", FAKE_STATUS="1").returncode == 1


@pytest.mark.parametrize(("ci_set", "status"), [("", 0), ("true", 1)])
def test_a_browser_that_cannot_be_installed_fails_only_in_ci(
    ci: Sandbox, ci_set: str, status: int
) -> None:
    ci.tool("apt-get", "exit 100")
    result = ci.run(".ci/run", CI=ci_set)
    assert result.returncode == status
    assert "chromium fonts-noto-cjk cannot be installed here" in result.stdout


@pytest.mark.parametrize(
    "script",
    [
        ".ci/run",
        "scripts/prepare_chat.sh",
        "scripts/quickstart.sh",
        "scripts/setup_env.sh",
        "scripts/test.sh",
        "scripts/train_chat.sh",
    ],
)
def test_every_script_is_executable_and_states_its_purpose(sandbox: Sandbox, script: str) -> None:
    file = sandbox.root / script
    first, second = file.read_text().splitlines()[:2]
    assert shutil.which(str(file))
    assert first == "#!/usr/bin/env bash"
    assert second.startswith("# ")
