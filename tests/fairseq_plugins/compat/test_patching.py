"""Tests of putting a function in another's place."""

import sys
from types import ModuleType

import pytest

from fairseq_plugins.compat.patching import original, wrap


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module, user = ModuleType("patched"), ModuleType("patched_user")
    module.double = user.double = lambda x: 2 * x
    monkeypatch.setitem(sys.modules, "patched", module)
    monkeypatch.setitem(sys.modules, "patched_user", user)
    return module


def test_modules_that_imported_it_by_name_get_it_too(module: ModuleType) -> None:
    wrap(module, "double", lambda upstream, x: upstream(x) + 1)
    assert module.double(3) == sys.modules["patched_user"].double(3) == 7


def test_the_original_is_found_under_two_wrappers(module: ModuleType) -> None:
    upstream = module.double
    wrap(module, "double", lambda upstream, x: upstream(x) + 1)
    wrap(module, "double", lambda upstream, x: upstream(x) + 1)
    assert module.double(3) == 8
    assert original(module, "double") is upstream


def test_methods_and_static_methods_stay_what_they_are() -> None:
    class Owner:
        def method(self) -> object:
            return self

        @staticmethod
        def static(x: int) -> int:
            return x

    wrap(Owner, "method", lambda upstream, self: (upstream(self), "wrapped"))
    wrap(Owner, "static", lambda upstream, x: -upstream(x))
    owner = Owner()
    assert owner.method() == (owner, "wrapped")
    assert owner.static(3) == Owner.static(3) == -3
