"""Doing work along a graph: several pieces at a time, each as soon as all it needs is done."""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


def along(
    needs: Mapping[str, Collection[str]],
    work: Callable[[str], T],
    done: Callable[[T], None],
    cancel: Callable[[], None],
    threads: int,
) -> None:
    """Call `work` for every name, in `threads` threads, none before those it needs; of those that can begin,
    first the one with the longest way after it.

    `done` takes each result, in the caller's thread and before anything that needs it begins. When
    something raises, Ctrl-C too, nothing further begins, `cancel` ends what runs, and it is raised
    here once all has ended.
    """
    sorter = graphlib.TopologicalSorter(needs)
    sorter.prepare()
    after = lengths(needs)
    ready: list[str] = []
    running: dict[Future[T], str] = {}
    with ThreadPoolExecutor(threads) as pool:
        try:
            while sorter.is_active():
                ready = sorted((*ready, *sorter.get_ready()), key=lambda name: -after[name])
                while ready and len(running) < threads:
                    name = ready.pop(0)
                    running[pool.submit(work, name)] = name
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    done(future.result())
                    sorter.done(running.pop(future))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            cancel()
            raise


def lengths(needs: Mapping[str, Collection[str]]) -> dict[str, int]:
    """For every name, how many come after it, one needing the other, where these are most."""
    found: dict[str, int] = {}
    for name in reversed(list(graphlib.TopologicalSorter(needs).static_order())):
        length = found.setdefault(name, 0)
        for need in needs.get(name, ()):
            found[need] = max(found.get(need, 0), length + 1)
    return found
