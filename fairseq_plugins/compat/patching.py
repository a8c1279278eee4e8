"""How a repair takes the place of a function of fairseq, and how it finds that function again."""

import functools
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def wrap(owner: ModuleType | type, name: str, repaired: Callable[..., Any]) -> None:
    """Replace ``owner.name`` by ``repaired``, which gets the original as its first argument.

    Modules that imported the original by name get the replacement too.
    """
    upstream = getattr(owner, name)

    @functools.wraps(upstream)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return repaired(upstream, *args, **kwargs)

    wrapper.s2s_upstream = upstream  # type: ignore[attr-defined]
    is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    setattr(owner, name, staticmethod(wrapper) if is_static else wrapper)
    if isinstance(owner, ModuleType):
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(name) is upstream:
                setattr(module, name, wrapper)


def original(owner: ModuleType | type, name: str) -> Callable[..., Any]:
    """Return fairseq's own ``owner.name``, whether it was wrapped or not."""
    function = getattr(owner, name)
    while hasattr(function, "s2s_upstream"):
        function = function.s2s_upstream
    return function
