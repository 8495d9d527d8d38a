"""The threads of large kernels: a kernel calls `void fg_parallel(ptr task, ptr context, i64 count)`.

It runs `task(context, part)` for each part from 0 to count - 1, on the pool's threads and on the caller's, and returns
when all are done. What a part does is for the kernel to fix, so that results cannot depend on the number of threads.

- All of it is machine code (pool.ll) that knows nothing of Python: it may be called with the GIL or without.
- Threads are made at the first call that wants them, wait with all signals but SIGSEGV blocked, and end with the
  process. Their stack has 2 MB. Where one cannot be made, the others do the work.
- One call at a time has the threads. A call from a part, or meanwhile from another thread, does its parts itself.
- A forked child makes threads of its own, whatever its parent's were doing: a call that finds itself in another
  process than the last makes everything anew.
- Without POSIX threads the parts are done one after another.

How many: `config.threads` where it is set. Else as many as the process may use (its affinity and its control group's
share, when the pool is made), but no more than NumPy's BLAS: OpenBLAS and MKL are asked at each call, so that
OPENBLAS_NUM_THREADS, OMP_NUM_THREADS and threadpoolctl's limits hold. For another BLAS it is OMP_NUM_THREADS.
"""

from __future__ import annotations

import ctypes
import math
import os
import re
import signal
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

from funcgrad.compile import machine
from funcgrad.compile.binding import llvm
from funcgrad.config import config

_SERIAL = """
define $linkage void @$name(ptr %task, ptr %context, i64 %count) {
entry:
  %any = icmp sgt i64 %count, 0
  br i1 %any, label %parts, label %done
parts:
  %part = phi i64 [ 0, %entry ], [ %after, %parts ]
  call void %task(ptr %context, i64 %part)
  %after = add i64 %part, 1
  %more = icmp slt i64 %after, %count
  br i1 %more, label %parts, label %done
done:
  ret void
}
"""
_LOOKS = 100
"""How often a thread looks, yielding its core in between, before it sleeps: some 50 us.

On 2 cores of a virtual machine, a part for a thread that still looks begins after 0.8 us; for one that sleeps after
8 us, or 15 to 30 where its core has been halted.
"""
_PLACING = (
    "i32 @sched_getcpu()",
    "i32 @sched_getaffinity(i32, i64, ptr)",
    "i32 @pthread_setaffinity_np(ptr, i64, ptr)",
)
"""Linux has these."""
_BLAS_LIMITS = (
    *[f"{prefix}openblas_get_num_threads{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "_64", "")],
    "MKL_Get_Max_Threads",
)


@cache
def address() -> int:
    """Where `fg_parallel` is, which kernels may name from now on.

    Two threads that call this first at the same time make two pools, which both work.
    """
    asks = _blas_limit()
    text = _text(asks is not None)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(config._threads))  # machine code reads it to the end of the process
    machine.define({"fg_threads": ctypes.addressof(config._threads), "fg_blas_threads": asks or 0})
    process = ctypes.CDLL(None) if os.name == "posix" else None
    functions = {name for name in re.findall(r"declare \w+ @([a-z_]+)\(", text) if hasattr(process, name)}
    machine.define({name: ctypes.cast(getattr(process, name), ctypes.c_void_p).value or 0 for name in functions})
    module = machine.load(text)
    module.stay()
    found = module.address("fg_parallel")
    with llvm() as binding:
        binding.add_symbol("fg_parallel", found)
    return found


def _text(asks_blas: bool) -> str:
    if os.name != "posix":
        return Template(_SERIAL).substitute(linkage="", name="fg_parallel")
    placing = "declare {}" if sys.platform == "linux" else "define internal {} {{ ret i32 -1 }}"
    return Template(_SERIAL + Path(__file__).with_suffix(".ll").read_text()).substitute(
        linkage="internal",
        name="serial",
        placing="\n".join([placing.format(function) for function in _PLACING]),
        limits="declare i32 @fg_blas_threads()" if asks_blas else "",
        limit="call i32 @fg_blas_threads()" if asks_blas else _limit(os.environ),
        cores=_cores(),
        looks=_LOOKS,
        segv=int(signal.SIGSEGV),
        setmask=int(signal.SIG_SETMASK),
    )


def _limit(environment: Mapping[str, str]) -> str:
    """The instruction that says how many threads OMP_NUM_THREADS allows."""
    text = environment.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    most = 2**31 - 1
    return f"add i32 0, {min(int(text), most) or most if text.isdecimal() else most}"


def _blas_limit() -> int | None:
    """The address of the function that says how many threads NumPy's BLAS may use, where it has any."""
    try:
        from numpy.linalg import lapack_lite

        library = ctypes.CDLL(lapack_lite.__file__)
    except (ImportError, OSError):
        return None
    for name in _BLAS_LIMITS:
        # OpenBLAS built without threads says 1, which is no wish of the user's
        threaded = getattr(library, name.replace("num_threads", "parallel"), None)
        if hasattr(library, name) and (threaded is None or threaded()):
            return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    return None


def _cores() -> int:
    """How many cores the process may use."""
    counts = [os.cpu_count() or 1]
    if hasattr(os, "process_cpu_count"):
        counts.append(os.process_cpu_count() or 1)
    elif hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        counts.append(math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no control groups, or "max": no limit
        pass
    return min(counts)
