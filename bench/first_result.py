"""One process of bench/start.py: ``python bench/first_result.py jax "first call, 100 operations and gradient"``.

It imports a library, calls a case's program once, and says so on its standard output by an empty line, behind which the
seconds of the import and of the call, and the result, are pickled.
"""

import sys
import time

started = time.perf_counter()
import numpy as np  # noqa: E402
import worker  # noqa: E402

library, name = sys.argv[1:]
lib = {"funcgrad": worker.funcgrad, "jax": worker.jax}[library]()
imported = time.perf_counter()
case = next(case for case in worker.CASES if case.name == name)
program = lib.jit(case.program(lib.lib))
args = lib.load(case.data(np.random.default_rng(0)))
called = time.perf_counter()
result = lib.ready(program(*args))
ended = time.perf_counter()
sys.stdout.buffer.write(b"\n")
sys.stdout.buffer.flush()
arrays = [np.asarray(x) for x in worker.flat(result)]
worker.pickle.dump((imported - started, ended - called, arrays), sys.stdout.buffer)
