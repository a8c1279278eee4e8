"""Importing the package: cheap alone, registering beside fairseq, in either order."""

import subprocess
import sys

import pytest

from .commands import USER_DIR

ARCHS = "{'s2s', 's2s_attn', 's2s_tiny', 's2s_attn_tiny'}"


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_importing_it_first_is_cheap_and_registers_nothing():
    code = "import sys, fairseq_plugins; fairseq_plugins.S2SError; "
    code += "assert not {'torch', 'fairseq', 'sentencepiece'} & set(sys.modules)"
    assert python(code).returncode == 0


@pytest.mark.parametrize(
    "imports",
    [
        "import fairseq, fairseq_plugins",
        "import fairseq_plugins.models",
        "import fairseq_plugins; from fairseq_plugins import load",
        "import fairseq; from argparse import Namespace; from fairseq import utils; "
        f"utils.import_user_module(Namespace(user_dir={USER_DIR!r}))",
        "import fairseq_plugins.models; from argparse import Namespace; from fairseq import utils; "
        f"utils.import_user_module(Namespace(user_dir={USER_DIR!r}))",
    ],
)
def test_every_order_of_imports_registers_the_models_once(imports):
    code = f"{imports}; from fairseq.models import ARCH_MODEL_REGISTRY as R; "
    code += f"assert {ARCHS} <= set(R), set(R)"
    process = python(code)
    assert process.returncode == 0, process.stderr


def test_without_fairseq_it_says_what_to_install():
    code = "import sys; sys.modules['fairseq'] = None; import fairseq_plugins; "
    code += "fairseq_plugins.load('anything')"
    process = python(code)
    assert process.returncode == 1
    last = process.stderr.strip().splitlines()[-1]
    assert "fairseq is not installed: run pip install fairseq-fixed==" in last


def test_an_unknown_name_is_an_attribute_error():
    import fairseq_plugins

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fairseq_plugins.nothing
