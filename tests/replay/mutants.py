"""Copies of the workflows with one mistake each, of the kind that breaks running cases.

Each is a rewriting of the syntax tree, so that it follows the workflows as they change.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

Rewrite = Callable[[ast.AST], ast.AST]


class Everywhere(ast.NodeTransformer):
    """Rewrites every node, innermost first, and counts where something changed."""

    def __init__(self, rewrite: Rewrite) -> None:
        self.changes = 0
        self._rewrite = rewrite

    def visit(self, node: ast.AST) -> ast.AST:
        node = self.generic_visit(node)
        before = ast.dump(node)
        node = self._rewrite(node)
        self.changes += ast.dump(node) != before
        return node


def calls(node: ast.AST, method: str) -> bool:
    """Whether the node calls `something.method(...)`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method


def timer_removed(node: ast.AST) -> ast.AST:
    """Waits for news for ever."""
    if isinstance(node, ast.Call) and calls(node, "wait_condition"):
        node.keywords = [
            keyword for keyword in node.keywords if not (keyword.arg or "").startswith("timeout")
        ]
    return node


def timer_added(node: ast.AST) -> ast.AST:
    """Rests a second first."""
    if isinstance(node, ast.AsyncFunctionDef) and node.name == "run":
        node.body = [*ast.parse("await workflow.sleep(1)").body, *node.body]
    return node


def activity_renamed(node: ast.AST) -> ast.AST:
    """Calls another activity for the same purpose."""
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "ActivityName"
    ):
        return ast.Constant(f"{node.attr.lower()}_v2")
    return node


def activity_made_local(node: ast.AST) -> ast.AST:
    """Saves events."""
    if isinstance(node, ast.Attribute) and node.attr == "execute_activity":
        node.attr = "execute_local_activity"
    if isinstance(node, ast.Call) and calls(node, "execute_local_activity"):
        node.keywords = [k for k in node.keywords if k.arg not in {"task_queue", "heartbeat_timeout"}]
    return node


def order_swapped(node: ast.AST) -> ast.AST:
    """Issues refunds before it shows where the case stands, instead of after."""
    if isinstance(node, ast.While) and ast.unparse(node.body[0]) == "self._show()":
        node.body = [*node.body[1:2], *ast.parse("await asyncio.sleep(0)").body, node.body[0], *node.body[2:]]
    return node


def search_attributes_dropped(node: ast.AST) -> ast.AST:
    """Shows nothing."""
    return ast.Constant(None) if calls(node, "upsert_search_attributes") else node


def endless(node: ast.AST) -> ast.AST:
    """Never continues as new."""
    return ast.Constant(False) if calls(node, "is_continue_as_new_suggested") else node


def patches_forgotten(node: ast.AST) -> ast.AST:
    """Goes the new way with every case, as if none were running."""
    return ast.Constant(True) if calls(node, "patched") else node


def options_changed(node: ast.AST) -> ast.AST:
    """Harmless: other timeouts, other words. Options of a command are not compared."""
    if isinstance(node, ast.keyword) and node.arg in {"start_to_close_timeout", "heartbeat_timeout"}:
        node.value = ast.parse("timedelta(seconds=77)", mode="eval").body
    if isinstance(node, ast.keyword) and node.arg in {"summary", "timeout_summary"}:
        node.value = ast.Constant("other words")
    return node


def unchanged(node: ast.AST) -> ast.AST:
    """Harmless: the copy itself is not what fails."""
    return node


def mutant(workflow: type, rewrite: Rewrite, folder: Path) -> tuple[type, int]:
    """A workflow class read from a rewritten copy of its module, and how many places differ.

    `folder` must be on the import path: the sandbox imports the copy by name too.
    """
    module = sys.modules[workflow.__module__]
    everywhere = Everywhere(rewrite)
    tree = ast.fix_missing_locations(everywhere.visit(ast.parse(inspect.getsource(module))))
    name = f"mutant_{workflow.__name__}_{rewrite.__name__}"
    (folder / f"{name}.py").write_text(ast.unparse(tree), encoding="utf-8")
    importlib.invalidate_caches()
    return getattr(importlib.import_module(name), workflow.__name__), everywhere.changes
