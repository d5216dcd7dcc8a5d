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
    """Call `work` for every name, in `threads` threads, none before those it needs.

    `done` takes each result, in the caller's thread and before anything that needs it begins. When
    something raises, Ctrl-C too, nothing further begins, `cancel` ends what runs, and it is raised
    here once all has ended.
    """
    sorter = graphlib.TopologicalSorter(needs)
    sorter.prepare()
    running: dict[Future[T], str] = {}
    with ThreadPoolExecutor(threads) as pool:
        try:
            while sorter.is_active():
                for name in sorter.get_ready():
                    running[pool.submit(work, name)] = name
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    done(future.result())
                    sorter.done(running.pop(future))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            cancel()
            raise
