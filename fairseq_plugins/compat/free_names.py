"""Fault: a model or task under a taken name is silently ignored, and the other one is trained.

``register_model`` and ``register_task`` (models/__init__.py, tasks/__init__.py) return the class
that has the name already; fairseq 0.12.2 raised a ValueError. With this repair another class is
refused in one sentence that names both. The same class imported again is the registered one.
"""

from collections.abc import Callable
from typing import Any

from fairseq import models, tasks
from fairseq.models import MODEL_REGISTRY, BaseFairseqModel
from fairseq.tasks import TASK_REGISTRY

from ..errors import S2SError
from .patching import original, wrap


def full_name(cls: type) -> str:
    """Module and name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def needed() -> bool:
    """Whether another class under a taken name is ignored (0.12.2 raises)."""
    taken = next(iter(MODEL_REGISTRY))
    probe = type("Probe", (BaseFairseqModel,), {})
    try:
        return original(models, "register_model")(taken)(probe) is not probe
    except ValueError:
        return False


def _guarded(kind: str, registry: dict[str, type]) -> Callable[..., Any]:
    def register(upstream: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
        def decorate(cls: type) -> type:
            taken = registry.get(name)
            if taken is not None and full_name(taken) != full_name(cls):
                raise S2SError(
                    f"The {kind} name {name!r} belongs to {full_name(taken)}: "
                    f"register {full_name(cls)} under another name."
                )
            return upstream(name, *args, **kwargs)(cls)

        return decorate

    return register


def apply() -> None:
    """Guard both registries."""
    wrap(models, "register_model", _guarded("model", MODEL_REGISTRY))
    wrap(tasks, "register_task", _guarded("task", TASK_REGISTRY))
