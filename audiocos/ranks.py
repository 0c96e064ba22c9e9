"""Many processes, started by torchrun, as one: who does what, and how it comes together again.

A process that torchrun did not start is rank 0 of 1 and imports no torch for this.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from audiocos.errors import RankError

T = TypeVar("T")

_PATIENCE = datetime.timedelta(hours=24)  # a rank may have much more to hear than another


class Ranks:
    """The place of this process among its fellows.

    Args:
        device: where the work is done: on "cuda" each process of a machine takes a GPU of its own and they talk through
            nccl; else, or where they must share GPUs, through gloo.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.count > 1 else 0
        if self.count > 1:
            import torch

            if not torch.distributed.is_initialized():
                present = 0 if device == "cpu" else torch.cuda.device_count()
                if present:
                    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % present)
                _join(backend_for(device, present, int(os.environ.get("LOCAL_WORLD_SIZE", str(self.count)))))

    @property
    def leads(self) -> bool:
        """Whether this process speaks, learns and writes."""
        return self.rank == 0

    def lead(self, work: Callable[[], T]) -> T:
        """What rank 0 makes, on every rank. What it raises ends the others, too."""
        if self.count == 1:
            return work()
        made: T | None = None
        error: Exception | None = None
        if self.leads:
            try:
                made = work()
            except Exception as raised:
                error = raised
        made, error = self.collect((made, error))[0]
        if error is not None:
            if self.leads:
                raise error
            raise SystemExit(1)  # rank 0 says why
        return made

    def share(self, items: Sequence[T], weights: Sequence[float]) -> list[T]:
        """Items of this rank: the heaviest first, each to whoever has least; in their own order."""
        loads = [0.0] * self.count
        mine: list[int] = []
        for index in sorted(range(len(items)), key=lambda i: (-weights[i], i)):
            least = min(range(self.count), key=lambda r: (loads[r], r))
            loads[least] += weights[index]
            if least == self.rank:
                mine.append(index)
        return [items[index] for index in sorted(mine)]

    def each(self, array: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Every rank's array, one after another, in the order of the ranks; all of one shape, and all must be taken."""
        if self.count == 1:
            yield array
            return
        import torch

        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        for rank in range(self.count):
            mine = np.ascontiguousarray(array) if rank == self.rank else np.empty(array.shape)
            shared = torch.from_numpy(mine).to(device)
            with self.company():
                torch.distributed.broadcast(shared, rank)
            yield shared.cpu().numpy()

    def collect(self, item: Any) -> list[Any]:
        """Every rank's item, in the order of the ranks, on each of them."""
        if self.count == 1:
            return [item]
        import torch

        found: list[Any] = [None] * self.count
        with self.company():
            torch.distributed.all_gather_object(found, item)
        return found

    @contextlib.contextmanager
    def company(self) -> Iterator[None]:
        """Say in a line what gloo and nccl say in forty when a fellow has died.

        Raises:
            RankError: one has.
        """
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or not any(word in str(error) for word in ("gloo", "NCCL", "Connection")):
                raise
            raise RankError(
                f"rank {self.rank}: another process has ended, and this one ends with it. What torchrun says tells why."
            ) from error

    def close(self) -> None:
        """Leave the group; every rank must come here."""
        if self.count > 1:
            import torch

            with self.company():
                torch.distributed.barrier()
            torch.distributed.destroy_process_group()


def backend_for(device: str, present: int, processes: int) -> str:
    """How processes talk: through nccl where each of a machine's has one of its GPUs, else through gloo.

    >>> backend_for("cuda", present=2, processes=2), backend_for("cuda", present=1, processes=2)
    ('nccl', 'gloo')
    """
    return "nccl" if device == "cuda" and processes <= present else "gloo"


def _join(backend: str) -> None:
    """Join the group.

    torchrun keeps one store over all restarts, where a rank may read the address that a fellow had before the restart
    (pytorch issue 135712). On one node the number of the restart is the same for all ranks and keeps them apart; on
    several it is not, and torchrun must be started with TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1.
    """
    from torch import distributed

    if os.environ.get("GROUP_WORLD_SIZE") != "1":
        distributed.init_process_group(backend, timeout=_PATIENCE)
        return
    store, rank, count = next(distributed.rendezvous("env://"))  # type: ignore[attr-defined]
    store.set_timeout(_PATIENCE)
    prefix = f"restart {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    own = distributed.PrefixStore(prefix, store)  # type: ignore[attr-defined]
    distributed.init_process_group(backend, store=own, rank=rank, world_size=count, timeout=_PATIENCE)
