"""What every test of this tree owes its reader."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PATCHES = {"monkeypatch.setattr", "monkeypatch.delattr"}


@cache
def trees() -> tuple[tuple[Path, ast.Module], ...]:
    """Return every file below tests, as a tree."""
    return tuple((path, ast.parse(path.read_text())) for path in sorted(TESTS.rglob("*.py")))


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield every test function with its file."""
    for path, tree in trees():
        if path.name.startswith("test_"):
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                    yield path, node


def test_every_test_states_a_truth() -> None:
    """Each test has a docstring of one sentence that says what holds."""
    silent = [
        f"{path.relative_to(TESTS)}::{node.name}"
        for path, node in functions()
        if not (ast.get_docstring(node) or "").strip().endswith(".")
    ]

    assert [] == silent


def test_every_test_can_fail() -> None:
    """Each test asserts something, expects an error, or calls a check that does."""

    def judges(node: ast.AST) -> bool:
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            return name in {"raises", "assert_allclose", "assert_array_equal"} or name.startswith(
                ("check_", "assert_", "expect_")
            )
        return False

    idle = [
        f"{path.relative_to(TESTS)}::{node.name}" for path, node in functions() if not any(map(judges, ast.walk(node)))
    ]

    assert [] == idle


def files() -> Iterator[tuple[str, ast.Module]]:
    """Yield every file below tests, by its path there, as a tree."""
    for path, tree in trees():
        yield str(path.relative_to(TESTS)), tree


def offences(wrong: Callable[[ast.AST], bool]) -> set[str]:
    """Return `file:line` of everything that is wrong."""
    return {f"{path}:{getattr(node, 'lineno', 0)}" for path, tree in files() for node in ast.walk(tree) if wrong(node)}


def called(node: ast.AST) -> str:
    """Return the name of what is called, as it is written; empty if nothing is."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def test_no_test_passes_by_an_or() -> None:
    """No assertion is an `or`, because the half that holds hides the half that does not."""

    def wrong(node: ast.AST) -> bool:
        return isinstance(node, ast.Assert) and any(
            isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or)
            for part in (node.test, *(node.test.values if isinstance(node.test, ast.BoolOp) else ()))
        )

    assert set() == offences(wrong)


def test_no_test_sleeps_longer_than_a_second() -> None:
    """Who waits for something asks for it again and again, up to a deadline."""

    def wrong(node: ast.AST) -> bool:
        if called(node) not in {"time.sleep", "sleep", "asyncio.sleep"} or not isinstance(node, ast.Call):
            return False
        (seconds,) = node.args
        return isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float) and seconds.value > 1

    assert set() == offences(wrong)


def test_no_test_patches_the_code() -> None:
    """What a test has to change is an argument or a fake; nothing is replaced from outside, no constant either."""

    def wrong(node: ast.AST) -> bool:
        names = {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
        return called(node) in PATCHES or bool(names & {"mock", "unittest.mock", "patch"})

    assert set() == offences(wrong)
