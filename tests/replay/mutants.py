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


def reads(node: ast.AST, attribute: str) -> bool:
    """Whether the expression has to do with `something.attribute`."""
    return any(isinstance(part, ast.Attribute) and part.attr == attribute for part in ast.walk(node))


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


def alarm_not_set(node: ast.AST) -> ast.AST:
    """Waits for a timer that nobody starts."""
    if isinstance(node, ast.Expr) and calls(node.value, "set"):
        return ast.Pass()
    return node


def alarm_always_moved(node: ast.AST) -> ast.AST:
    """Sets the timer anew although the one that runs would do."""
    if isinstance(node, ast.If) and [ast.unparse(line) for line in node.body] == ["return"]:
        node.test = ast.Constant(False)
    return node


def alarm_never_moved(node: ast.AST) -> ast.AST:
    """Leaves the timer that runs, whenever it rings."""
    if isinstance(node, ast.If) and [ast.unparse(line) for line in node.body] == ["return"]:
        node.test = ast.Name("running", ast.Load())
    return node


def alarm_for_everybody(node: ast.AST) -> ast.AST:
    """Forgets that runs which began without an alarm go on without one."""
    return node.body if isinstance(node, ast.IfExp) and reads(node.test, "keeps_alarm") else node


def alarm_for_nobody(node: ast.AST) -> ast.AST:
    """Forgets that runs which began with an alarm keep it."""
    return node.orelse if isinstance(node, ast.IfExp) and reads(node.test, "keeps_alarm") else node


def kind_not_shown(node: ast.AST) -> ast.AST:
    """A request is found under the kind it began as, for ever."""
    return ast.List([], ast.Load()) if isinstance(node, ast.IfExp) and reads(node.test, "kind") else node


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
    """A workflow class read from rewritten copies of its module and of those beside it that it uses.

    Answers how many places differ, too. `folder` must be on the import path: the sandbox imports the
    copies by name.
    """
    everywhere = Everywhere(rewrite)
    name = _copied(workflow.__module__, f"mutant_{workflow.__name__}_{rewrite.__name__}", everywhere, folder)
    importlib.invalidate_caches()
    return getattr(importlib.import_module(name), workflow.__name__), everywhere.changes


def _copied(module: str, prefix: str, everywhere: Everywhere, folder: Path) -> str:
    """Write the rewritten copy of a module, and of what it imports from beside it; answers its name."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workflows."):
            node.module = _copied(node.module or "", prefix, everywhere, folder)
    name = f"{prefix}_{module.rpartition('.')[2]}"
    rewritten = ast.fix_missing_locations(everywhere.visit(tree))
    (folder / f"{name}.py").write_text(ast.unparse(rewritten), encoding="utf-8")
    return name
