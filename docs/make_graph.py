"""Draws the rooms of the code and what each imports, as text: ``python docs/make_graph.py``.

Rooms are packages, and inside a package its folders and files. A ring among rooms ends in an error that names it.
"""

from collections import defaultdict
from graphlib import TopologicalSorter

import grimp

ROOT = "optimoe"


def rooms_of(graph: grimp.ImportGraph, container: str) -> dict[str, set[str]]:
    """What each room of a package imports of its neighbours."""
    rooms = (name.removeprefix(f"{container}.") for name in graph.find_children(container))
    uses: dict[str, set[str]] = {room: set() for room in rooms}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            one, other = (_room(module, container) for module in (importer, imported))
            if one and other and one != other:
                uses[one].add(other)
    return uses


def _room(module: str, container: str) -> str:
    """The room of a package that a module stands in; empty outside of it."""
    return module.removeprefix(f"{container}.").split(".")[0] if module.startswith(f"{container}.") else ""


def levels(uses: dict[str, set[str]]) -> list[list[str]]:
    """Rooms by level, the highest first: what a room imports stands below it.

    Raises:
        CycleError: Rooms import each other in a ring.
    """
    height: dict[str, int] = {}
    for room in TopologicalSorter(uses).static_order():
        height[room] = 1 + max((height[other] for other in uses[room]), default=-1)
    by_level = defaultdict(list)
    for room, level in height.items():
        by_level[level].append(room)
    return [sorted(by_level[level]) for level in sorted(by_level, reverse=True)]


def drawn(graph: grimp.ImportGraph, container: str) -> list[str]:
    """A line for each room, from the top down."""
    uses = rooms_of(graph, container)
    width = max(len(room) for room in uses)
    return [
        f"{room:{width}}  → {', '.join(sorted(uses[room])) or '–'}" for level in levels(uses) for room in level
    ]


def main() -> None:
    """Print the house, then each package that has rooms of its own."""
    graph = grimp.build_graph(ROOT, cache_dir=None)
    print("\n".join(drawn(graph, ROOT)))
    packages = [room for level in levels(rooms_of(graph, ROOT)) for room in level]
    for package in packages:
        if len(graph.find_children(f"{ROOT}.{package}")) > 1:
            print("\n".join(["", f"{package}", *(f"  {line}" for line in drawn(graph, f"{ROOT}.{package}"))]))


if __name__ == "__main__":
    main()
