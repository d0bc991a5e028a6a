"""What every test of this tree owes its reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield every test function with its file."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
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
