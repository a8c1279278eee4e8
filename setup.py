"""Distribution ``fairseq-s2s``: the fairseq plugin and the chatbot."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = re.search(
    r'^__version__ = "(.+)"$', (here / "fairseq_plugins" / "__init__.py").read_text("utf-8"), re.M
).group(1)

setup(
    name="fairseq-s2s",
    version=version,
    description="RNN sequence-to-sequence models with attention for fairseq, and a chatbot",
    long_description=(here / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["fairseq_plugins*", "chatbot*"]),
    package_data={
        "chatbot": ["corpus/**/*.txt", "*.css", "*.js", "py.typed"],
        "fairseq_plugins": ["py.typed"],
    },
    install_requires=[
        "torch>=2.6",
        "numpy",
        "pypinyin>=0.53",
        "rapidfuzz>=3.10",
        "sentencepiece>=0.2.0",
        "sacrebleu>=2.4",
        "safetensors>=0.4.3",
        "tensorboardX>=2.6",
        "tqdm>=4.60",
    ],
    extras_require={
        # Only here: the fork installs files named fairseq/, which would overwrite a user's own.
        "fairseq": ["fairseq-fixed==0.12.3.1"],
        "chatbot": ["gradio>=6.31,<7"],
        # What scripts/ needs beyond the plugin: data sets, scores, the report.
        "recipes": [
            "jinja2>=3.1",
            "matplotlib>=3.8",
            "pyyaml>=6.0",
            "rouge-score>=0.1.2",
            "sacremoses>=0.1.1",
            "tqdm>=4.60",
        ],
        # The documentation's site; its tools need Python 3.11.
        "docs": [
            "mkdocs-material>=9.5; python_version >= '3.11'",
            "mkdocstrings[python]>=0.27; python_version >= '3.11'",
        ],
        "export": ["onnx>=1.16", "onnxruntime>=1.18", "onnxscript>=0.4"],
        "onnx": ["onnxruntime>=1.18"],
        "test": [
            "mypy>=2.4",
            "playwright>=1.49",
            "pytest>=8",
            "pytest-cov>=7",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "ruff>=0.9",
        ],
    },
    entry_points={
        "console_scripts": [
            "s2s=fairseq_plugins.cli:main",
            "s2s-chat=chatbot.__main__:main",
        ]
    },
)
