"""The compiler: a `Graph` becomes kernels of machine code, one where it can, and NumPy calls between them.

docs/compiler.md walks one gradient through these files, which stand here in the order of a compile.

Which program belongs to a call:

- jit: `jit`, which traces a function for each signature, and keeps what it has traced
- keys: keys of caches that keep apart what a program can tell apart
- wrappers: functions that take the arguments of one structure apart
- program: `Program`: kernels, NumPy calls, and the generated function that runs them
- running: its compiled form, made when it is first run
- lowered: a program with the structure of its function's arguments and results
- progress: a line on the terminal for compiles that take seconds
- calls: what it has to know of those: why they are calls, whether they can warn, where they may write
- workspace: the memory that they write into

From a graph to loops:

- simplify, passes: smaller programs with the same results
- stores, patches: arrays that are filled part by part
- products: products made smaller: with the identity, and those of which only a sum is wanted
- loops, hoist: scans made smaller, and what is done before and behind them
- branches: what only one branch needs is computed in it
- rolling (with stretches and rolled): loops that Python has unrolled, as scans
- segments: a program cut at its NumPy calls, one kernel between two
- elements: what an elementwise equation does to one element, where kernels do it as NumPy does
- scalars: expressions over loop axes, each made once; the text of a primitive's `lower`, parsed
- ways, kinds: how a kernel does an equation, and what NumPy runs
- plan: which values get memory
- lower: what each of their elements is made of
- statements: what it is written down in, and memory
- build: results that take several statements
- control: a program's loops and branches, as parts of a kernel
- nest: statements as loops within loops, what needs no memory, and lanes
- layouts: the order in which inner memory has its dimensions

From loops to text:

- llvm: loops as LLVM text
- folds: accumulators
- values: expressions
- memory: addresses, loads and stores
- operators: lines, and operators on values of one lane or several
- kernels: the functions of a kernel, of bounded length, and the parts that threads run
- text: loops as readable Python
- vectormath: the mathematical functions that kernels call, as LLVM text
- mathlib: which there are, in C and in NumPy
- polynomials, circular, coefficients, llvmtext: those made of polynomials, and how they are written

From text to a function:

- gate (and gate.ll): the way from a Python call into a kernel and back
- ufuncs: programs of elements as NumPy's universal functions, for large arrays of eager code
- rows, rowtext, columntext: programs of a row as such functions, for rows of any length, and their text
- steps: running sums, and rows added into an array, as such functions
- places: places of extremes, as such functions
- binding: llvmlite
- machine: LLVM text to machine code, kept while it is used, and on disk
- store: object code on disk, for other processes
- pool (and pool.ll): the threads of large kernels
- alone: programs that are one kernel without any Python, for other callers than Python
- numba_function: such a program as a function of numba's; export: as an object file and a C header
"""
