"""Tensor: a name that points at a value and, where a gradient is required, at its entry on the tape."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad.core.frames import hide, hides
from funcgrad.core.provenance import Loc, here, is_internal
from funcgrad.core.staging import concretization_error
from funcgrad.core.tape import TapeTracer
from funcgrad.core.trace import Tracer, known
from funcgrad.core.warned import warn
from funcgrad.ops.overwritten import overwritten, revalued
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.story import PastCut, Story, cut, cut_again, event, joined
from funcgrad.torch._record.tape import Note, Tape, constant, leaf_note, node_of, on_tape, own_note, raw, unconnected
from funcgrad.torch._tensor import dtypes, messages, overrides
from funcgrad.torch._tensor.devices import CPU, Device
from funcgrad.torch._tensor.formats import channels_last, channels_last_3d, contiguous_format, strided
from funcgrad.torch._tensor.formats import layout as Layout
from funcgrad.torch._tensor.leaving import Leaving
from funcgrad.torch._tensor.overlaps import check_within
from funcgrad.torch._tensor.printing import text
from funcgrad.torch._tensor.sizes import Size, existing, size_of
from funcgrad.torch._tensor.storage import At, Inference, Storage, UntypedStorage, Unwatched, scope
from funcgrad.torch._tensor.views import CONSTANT, Cutting, Step, View, Within, put, through
from funcgrad.torch._tensor.writes import write_part
from funcgrad.transforms.batch import BatchTracer

if TYPE_CHECKING:  # `funcgrad.torch._ops.methods` attaches them
    from funcgrad.torch._tensor.methods import Methods
else:
    Methods = object


class Tensor(Leaving, Methods):
    """An n-dimensional array with PyTorch's semantics of gradients.

    Made by `tensor`, `from_numpy` and the factories. The values of operations are NumPy's, their derivatives
    funcgrad's; names, dtypes, errors and the rules about leaves, views and writing in place are PyTorch's.

    >>> import funcgrad.torch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __module__ = "funcgrad.torch"
    _value: Any
    _storage: Storage
    _seen: int = 0
    _view: View | None = None
    _grad: Tensor | None = None
    _retains: bool = False
    _cuts: tuple[PastCut, ...] = ()
    _own_story: Story | None = None
    _made: Loc | None = None
    _when: int = 0
    _label: str = ""
    _role: str = ""
    _origin: Any
    """Which operation gave it, for notes on errors; attached by `torch/_explain`."""
    __array_priority__ = 1000.0
    __torch_function__: Any = classmethod(overrides.usual)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__torch_function__ is not None and not is_internal(sys._getframe(1).f_code.co_filename):
            overrides.written(cls, Tensor)

    def __new__(cls, *data: Any, **options: Any) -> Any:
        """For classes of users' whose `__init__` is their own: the tensor is there before."""
        out = object.__new__(cls)
        if cls.__init__ is not Tensor.__init__ and overrides.is_written(cls):
            Tensor.__init__(out, *data, **options)
        return out

    @staticmethod
    def _make_subclass(cls: type[Tensor], data: Tensor, require_grad: bool = False) -> Any:
        """The memory of a tensor as a leaf of a subclass."""
        out = data.detach().as_subclass(cls)
        return out.requires_grad_() if require_grad else out

    # reading

    def _read(self) -> Any:
        """The value now: an array, or a traced value. Recorded on a tape before the present one, it is a constant."""
        value = self._value if self._seen == self._storage.stamp else self._current()
        if type(value) is TapeTracer and not mode.direct and on_tape(value) and value._trace.age < mode.floor:
            return value.value
        return value

    def _current(self) -> Any:
        if self._seen != self._storage.stamp:
            self._refresh()
        return self._value

    def _refresh(self) -> None:
        """Read again after an alias was written. From what is recorded the tape may save the array."""
        self._seen = self._storage.stamp
        self._reread()
        if on_tape(self._value):
            self._storage.lend()

    def _reread(self) -> None:
        view = self._view
        value = self._value
        base = None if view is None else self._base
        if view is not None and base is not None and not (on_tape(value) and value.node.prim is None):
            whole = base._current()
            if on_tape(value) and (self._storage.version == view.version or view.written is not None):
                # only the memory is another
                self._value = TapeTracer(value._trace, through(view.steps, raw(whole)), value.node)
                return
            self._value = through(view.steps, whole)
            if on_tape(value) and not on_tape(whole):  # the base was detached in place
                self._value = unconnected(self._value, value)
            if on_tape(self._value):
                if view.written is None:
                    view.version = self._storage.version
                self._value.node.note = note = Note("AsStridedBackward0")
                note.edges = None if on_tape(whole) else (None,)
                if self._retains:
                    self._follow()
            return
        memory = self._storage.value
        if view is not None:
            memory = through(view.storage_steps, memory)
            for step in reversed(view.storage_steps):
                if isinstance(step, Cutting):
                    memory = step.renewed(raw(value), memory)
                    break
        self._value = TapeTracer(value._trace, memory, value.node) if on_tape(value) else memory

    def _array(self, needed: str = "This", remedy: str = messages.USE_TENSORS) -> np.ndarray:
        """The value as an ndarray, whatever it is recorded as. ConcretizationError where others compile or batch it."""
        value = constant(self._read())
        array = known(value)
        if array is None:
            unknown = raw(self._read())
            while unknown.has_value:
                unknown = unknown.value
            if scope.strict and isinstance(unknown, BatchTracer) and needed in messages.UNDER_VMAP:
                raise RuntimeError(messages.UNDER_VMAP[needed])
            raise concretization_error(unknown, needed, remedy)
        return np.asarray(array)

    # writing

    def _check_entry(self) -> None:
        """PyTorch's error for the entry of a view whose memory was written since, where there is no new one."""
        view = self._view
        if view is None or view.written is None or not on_tape(self._read()):
            return
        if view.version != self._storage.version:
            raise RuntimeError(view.written)

    def _is_source(self) -> bool:
        value = self._read()
        return on_tape(value) and value.node.prim is None

    def _check_writable(self, operation: str = "copy_", repeated: bool = False) -> None:
        """PyTorch's errors for writing in place by an operation, which one of them names.

        `repeated`: elements that share memory may be written, as one number is."""
        view = self._view
        if scope.derives:
            self._storage.check_captured(operation)
        if self.is_inference() and not mode.inference:
            raise RuntimeError(messages.INFERENCE_IN_PLACE)
        if view is not None and view.overlapping and not repeated:
            check_within(self)
        if not mode.enabled:
            return
        value = self._read()
        if view is not None:
            if view.blocked is not None and on_tape(value):
                raise RuntimeError(view.blocked)
            base = self._base
            if base is not None and (base.requires_grad or on_tape(value)) and base.is_leaf:
                raise messages.noted(RuntimeError(messages.VIEW_OF_LEAF_IN_PLACE), messages.WRITE_WITHOUT_RECORDING)
        if type(value) is TapeTracer and value.node.prim is None and self.requires_grad:
            raise messages.noted(RuntimeError(messages.LEAF_IN_PLACE), messages.WRITE_WITHOUT_RECORDING)

    def _write(
        self,
        new: Any,
        cuts: tuple[PastCut, ...] = (),
        source: Tensor | None = None,
        at: At | None = None,
    ) -> None:
        """Take on the value of an operation in place, recorded or not; shape and dtype are this tensor's.

        `source` is another tensor that has the value, `at` the line and time of the write, where they are known.
        """
        storage = self._storage
        view = self._view
        if scope.number and not on_tape(self._value):
            storage.check_kept(raw(new))
        if isinstance(storage.value, Tracer) and not mode.enabled and new.dtype.kind in "fc":
            new = (overwritten if scope.forward else revalued)(raw(self._read()), new)
        if view is not None and view.blocked is not None and mode.enabled and on_tape(new):
            raise RuntimeError(view.blocked)
        storage.count(at)
        if cuts and not self._is_source():
            self._cuts = joined(cuts, self._cuts)
        if view is None:
            storage.replace(raw(new))
            if on_tape(new):
                self._value = new if not storage.shared else TapeTracer(new._trace, storage.value, new.node)
                self._seen = storage.stamp
                if self._retains:
                    self._follow()
            elif type(self._value) is np.ndarray:  # which need not be read again
                self._value, self._seen = storage.value, storage.stamp
            return
        base = self._base
        if base is not None and (on_tape(new) or (mode.enabled and on_tape(base._read()))):
            whole = write_part(base, view.steps, new, self, source)
            if whole is None:
                whole = put(view.steps, base._read(), new)
            whole.node.note = note = Note("CopySlices", ())
            note.edges = node_of(base._value), node_of(source._value) if source is not None else None
            note.slice_of = node_of(new) if source is None else None
            base_view = base._view
            steps = base_view.storage_steps if base_view is not None else ()
            if steps:
                storage.store(steps, raw(whole))
            else:
                storage.replace(raw(whole))
            base._value = whole
            base._cuts = joined(base._cuts, self._cuts)
            if not storage.shared and not steps:
                base._seen = storage.stamp
            if base._retains:
                base._follow()
            return
        storage.store(view.storage_steps, raw(new))
        if on_tape(new) or (isinstance(new, Tracer) and not on_tape(self._value)):
            self._value = new
            if self._retains:
                self._follow()

    def _writes_plainly(self, new: Any) -> bool:
        """Whether to write values is to change the memory, and nothing else."""
        if isinstance(new, Tracer) or isinstance(self._storage.value, Tracer):
            return False
        base = self._base
        return not (mode.enabled and (on_tape(self._read()) or (base is not None and on_tape(base._read()))))

    def _write_memory(self, values: Any, cuts: tuple[PastCut, ...], *elements: Step) -> None:
        """Write values, or those of some elements, into the memory."""
        storage = self._storage
        storage.count()
        if cuts and not self._is_source():
            self._cuts = joined(cuts, self._cuts)
        steps = () if self._view is None else self._view.storage_steps
        quietly(storage.store, (*steps, *elements), values)

    def _follow(self) -> None:
        """After a write, what is retained is the gradient of the new value."""
        own_note(self._value.node).owner = weakref.ref(self)

    # gradients

    @property
    def _story(self) -> Story:
        story = self._own_story
        if story is None:
            story = self._own_story = Story("leaf")
        return story

    @staticmethod
    def _is_traced(value: Any) -> bool:
        """Whether the innermost call of a transformation of `torch.func` takes reverse-mode derivatives of it."""
        return type(value) is TapeTracer and value._trace.age >= scope.level

    @property
    def requires_grad(self) -> bool:
        value = self._read()
        return on_tape(value) or (scope.level > 0 and self._is_traced(value))

    @requires_grad.setter
    def requires_grad(self, required: bool) -> None:
        value = self._current()
        if type(required) is not bool:
            raise RuntimeError("requires_grad must be a bool")
        if scope.level:
            raise RuntimeError(messages.REQUIRES_INSIDE)
        if required:
            if self.is_inference() and not mode.inference:
                raise RuntimeError(messages.INFERENCE_REQUIRES)
            if not on_tape(value):
                self._make_leaf("requires_grad_")
            elif value._trace.age < mode.tape.age:
                raise RuntimeError(messages.OUTSIDE_TO_FUNCTIONAL)
            elif value.node.prim is not None:
                raise RuntimeError(messages.ONLY_OF_LEAVES)
            else:
                value.node.note.severed = False
        elif on_tape(value):
            if value.node.prim is not None:
                raise RuntimeError(messages.NOT_A_LEAF)
            self._value = value.value
            self._story.switched = event()

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start (or stop) recording what is computed from this leaf."""
        if type(requires_grad) is not bool:
            raise TypeError("requires_grad is no bool")
        if requires_grad and self._read().dtype.kind not in "fc":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if scope.level or not (requires_grad and self.requires_grad) or self._is_source():
            self.requires_grad = requires_grad
        return self

    def _make_leaf(self, origin: str) -> None:
        value = self._read()
        if value.dtype.kind not in "fc":
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self._storage.lend()
        leaf = mode.tape.leaf(value, here())
        leaf.node.note = leaf_note(self)
        self._value = leaf
        self._own_story = Story(origin, self._own_story)
        self._own_story.copied, self._cuts = self._cuts, ()

    @property
    def is_leaf(self) -> bool:
        self._check_entry()
        return not self.requires_grad or self._read().node.prim is None

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient of a leaf (or of a tensor that retains it), None before."""
        if self._grad is None and on_tape(self._read()) and not self._is_source() and not self._retains:
            warning: Any = messages.noted(UserWarning(messages.GRAD_OF_NON_LEAF), self._origin())
            warn(warning)
        return self._grad

    @grad.setter
    @hides
    def grad(self, grad: Tensor | None) -> None:
        if grad is not None:
            try:
                self._check_grad(grad)
            except Exception as error:
                hide(error)
                raise
            self._story.assign()
        elif self._grad is not None:
            self._story.clear(event())
        self._grad = grad

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def _check_grad(self, grad: Any) -> None:
        if not isinstance(grad, Tensor):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(grad).__name__}")
        if grad is self:
            raise RuntimeError("can't assign Variable as its own grad")
        given, own = grad.dtype, self.dtype
        if given is not own:
            raise RuntimeError(messages.GRAD_OF_OTHER_DTYPE.format(given=given.short, own=own.title))
        if grad.shape != self.shape:
            sizes = {"given": list(grad.shape), "own": list(self.shape)}
            raise RuntimeError(messages.GRAD_OF_OTHER_SIZE.format(**sizes))

    @property
    def retains_grad(self) -> bool:
        return self._retains

    def retain_grad(self) -> None:
        """Let `backward` fill `grad` though this is no leaf."""
        value = self._read()
        if not on_tape(value):
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if value.node.prim is not None and not self._retains:
            self._retains = True
            self._story.retained = event()
            self._follow()

    def detach(self) -> Tensor:
        """The same memory, not recorded: gradients do not flow through it."""
        return self._alias("detach")

    def _alias(self, op: str) -> Tensor:
        value = self._read()
        view = self._view
        out = fresh(value)
        out._storage = self._storage
        out._seen = self._storage.stamp
        out._cuts = self._cuts
        if view is not None:
            out._view = view.apart()
        level = scope.level if op == "data" else 0
        if on_tape(value) and not level:
            out._cuts = cut(op, value, self._cuts)
            out._value = value.value
        elif self._cuts and value.dtype.kind in "fc":
            out._cuts = cut_again(op, self._cuts)
        if isinstance(out._value, Tracer) and not on_tape(out._value):  # of another transformation
            step = Within(level) if level else CONSTANT
            out._value = step(out._value)
            out._view = View((step,), None, ()) if out._view is None else out._view.apart(step)
        return out

    def detach_(self) -> Tensor:
        """Forget what this was computed from."""
        if self._view is not None and self._view.base is not None:
            raise RuntimeError(messages.DETACH_VIEW_IN_PLACE)
        value = self._current()
        if on_tape(value) and not scope.level:
            self._cuts = cut("detach_", value, self._cuts)
            self._value = value.value
            if value.node.prim is not None:
                self._storage.left(value.node.seq)
        if isinstance(self._value, Tracer) and not on_tape(self._value):  # of another transformation, as in `_alias`
            if scope.level > scope.derives and not self._value.has_value:
                raise RuntimeError(messages.DETACH_VIEW_IN_PLACE)
            self._value = left = Within(scope.level)(self._value) if scope.level else constant(self._value)
            self._storage, self._seen, self._view = Storage(left), 0, None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, neither recorded nor watched: `backward` does not notice writes to it."""
        if scope.level > scope.derives and isinstance(self._read(), Tracer) and not self._read().has_value:
            raise RuntimeError(messages.DATA_UNDER_VMAP)
        out = self._alias("data")
        out._storage = Unwatched(out._storage)
        return out

    @data.setter
    def data(self, data: Tensor) -> None:
        value = self._current()
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        given = raw(data._read())
        if on_tape(value) and given.dtype.kind not in "fc":
            raise RuntimeError(messages.DATA_OF_OTHER_KIND)
        self._storage.check_kept(given)
        version = 0 if self.is_inference() else self._storage.version
        self._storage = Unwatched(data._storage)
        self._storage.version = version
        self._view = None if data._view is None else data._view.apart()
        self._seen = self._storage.stamp
        self._storage.lend()
        self._value = TapeTracer(value._trace, given, value.node) if on_tape(value) else given
        if on_tape(data._read()):
            cuts = cut("data=", data._read(), data._cuts)
            if self.is_leaf and on_tape(value):
                self._story.copied = cuts
            else:
                self._cuts = cuts

    @property
    def _version(self) -> int:
        if self.is_inference():
            raise RuntimeError(messages.INFERENCE_VERSION)
        return int(self._storage.version)

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        storage = self._storage
        return isinstance(storage.of if isinstance(storage, Unwatched) else storage, Inference)

    @property
    def _base(self) -> Tensor | None:
        """The tensor this is a view of; None where that has other memory since (by `data`)."""
        base = self._view.base if self._view is not None else None
        return base if base is not None and base._storage is self._storage else None

    def _is_view(self) -> bool:
        return self._base is not None and not self.is_inference()

    # shape and dtype

    @property
    def shape(self) -> Size:
        return size_of(self._read().shape)

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.of(self._read().dtype)

    @property
    def ndim(self) -> int:
        return len(self._read().shape)

    @property
    def device(self) -> Device:
        return CPU

    @property
    def layout(self) -> Layout:
        return strided

    def as_subclass(self, cls: type[Tensor]) -> Tensor:
        """The same memory as a tensor of a subclass, and the same entry behind it."""
        if not isinstance(cls, type):
            raise TypeError(f"cls must be a type (got {type(cls).__name__})")
        if not issubclass(cls, Tensor):
            raise TypeError(messages.NO_SUBCLASS)
        with overrides.as_if_plain():
            out = self[...] if self.requires_grad else self._alias("as_subclass")
        out.__class__ = cls
        return out

    def dim(self) -> int:
        return len(self._read().shape)

    def size(self, dim: int | None = None) -> Any:
        shape = self.shape
        return shape if dim is None else shape[existing(dim, len(shape))]

    def numel(self) -> int:
        return self.shape.numel()

    nelement = numel

    def element_size(self) -> int:
        return self._read().dtype.itemsize

    def data_ptr(self) -> int:
        """Where the memory begins now. A write moves it where the tape may hold what was there."""
        return self._array().ctypes.data

    def storage_offset(self) -> int:
        """How many elements of the memory are before this tensor's first."""
        memory = np.asarray(self._storage.value)
        return (self.data_ptr() - memory.ctypes.data) // memory.itemsize

    def untyped_storage(self) -> UntypedStorage:
        return UntypedStorage(self._storage)

    def stride(self, dim: int | None = None) -> Any:
        value = self._array()
        strides = tuple(s // value.itemsize for s in value.strides)
        return strides if dim is None else strides[existing(dim, len(strides))]

    def is_contiguous(self, *, memory_format: Any = contiguous_format) -> bool:
        array = self._array()
        if memory_format is channels_last or memory_format is channels_last_3d:
            rank = 4 if memory_format is channels_last else 5
            return array.ndim == rank and np.moveaxis(array, 1, -1).flags.c_contiguous
        return array.flags.c_contiguous

    def is_floating_point(self) -> bool:
        return self._read().dtype.kind == "f"

    def is_complex(self) -> bool:
        return self._read().dtype.kind == "c"

    def __len__(self) -> int:
        shape = self._read().shape
        if not shape:
            raise TypeError("len() of a 0-d tensor")
        return shape[0]

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return text(self)

    def __format__(self, spec: str) -> str:
        if self.dim() == 0:
            return self.item().__format__(spec)
        return object.__format__(self, spec)


_new = object.__new__
_new_storage = Storage.__new__


def fresh(value: Any) -> Tensor:
    """A tensor with memory of its own."""
    out = _new(Tensor)
    out._value = value
    out._storage = storage = _new_storage(Inference if mode.inference else Storage)
    storage.value = value.value if type(value) is TapeTracer and type(value._trace) is Tape else value
    if scope.number:
        storage.born = scope.number
    if mode.inference:
        storage.made = here()  # type: ignore[attr-defined]
    return out
