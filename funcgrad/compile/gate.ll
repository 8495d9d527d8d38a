; The way from Python's arguments into a kernel and back, driven by a table: compiled once for all kernels.
; Text of its own for each kernel would take 8 ms to compile and 0.6 more for each argument, and save 2 ns of each.

%object = type { i64, ptr }                                         ; reference count, class
%number = type { %object, [2 x i64] }                               ; NumPy's scalars, Python's float and complex
%array = type { %object, ptr, i32, ptr, ptr, ptr, ptr, i32 }        ; data, rank, shape, strides, base, descr, flags

%input = type { i32, i32, ptr, ptr, ptr, ptr }     ; way, rank (-1: no arrays), shape, descr, two classes of numbers
%output = type { i32, i32, ptr, ptr, i32 }         ; way, rank, shape, descr, NumPy's number of the dtype
%table = type { i64, i64, i64, i64, ptr, ptr, ptr, ptr }
; number of inputs, of outputs, bytes of workspace, whether to release the GIL, kernel, inputs, outputs, block

declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyTuple_New(i64)
declare ptr @PyTuple_GetItem(ptr, i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyErr_NoMemory()
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyBool_FromLong(i64)
declare ptr @PyComplex_FromDoubles(double, double)
declare ptr @numpy.PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)
declare ptr @numpy.PyArray_Scalar(ptr, ptr, ptr)
declare ptr @llvm.ptrmask.p0.i64(ptr, i64)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
@numpy.ndarray = external global i8
@python.bool = external global i8
@python.int = external global i8
@python.true = external global i8

; The data of an argument, or null if it is not as the kernel wants it. A bool or int is put into the slot.
define internal ptr @data(ptr %arg, ptr %input, ptr %slot) alwaysinline nounwind {
  %overflow = alloca i32
  %class.at = getelementptr %object, ptr %arg, i32 0, i32 1
  %class = load ptr, ptr %class.at
  %is.array = icmp eq ptr %class, @numpy.ndarray
  br i1 %is.array, label %array, label %number

array:
  %its.rank.at = getelementptr %array, ptr %arg, i32 0, i32 2
  %its.descr.at = getelementptr %array, ptr %arg, i32 0, i32 6
  %its.flags.at = getelementptr %array, ptr %arg, i32 0, i32 7
  %its.rank = load i32, ptr %its.rank.at
  %its.descr = load ptr, ptr %its.descr.at
  %its.flags = load i32, ptr %its.flags.at
  %rank.at = getelementptr %input, ptr %input, i32 0, i32 1
  %descr.at = getelementptr %input, ptr %input, i32 0, i32 3
  %rank = load i32, ptr %rank.at
  %descr = load ptr, ptr %descr.at
  %rank.fits = icmp eq i32 %its.rank, %rank
  %descr.fits = icmp eq ptr %its.descr, %descr
  %flags = and i32 %its.flags, 257                                  ; C-contiguous and aligned
  %flags.fit = icmp eq i32 %flags, 257
  %both = and i1 %rank.fits, %descr.fits
  %all = and i1 %both, %flags.fit
  br i1 %all, label %lengths, label %no
lengths:
  %its.shape.at = getelementptr %array, ptr %arg, i32 0, i32 3
  %shape.at = getelementptr %input, ptr %input, i32 0, i32 2
  %its.shape = load ptr, ptr %its.shape.at
  %shape = load ptr, ptr %shape.at
  %dimensions = zext i32 %rank to i64
  br label %next
next:
  %d = phi i64 [0, %lengths], [%d.next, %compare]
  %ends = icmp eq i64 %d, %dimensions
  br i1 %ends, label %fits, label %compare
compare:
  %its.length.at = getelementptr i64, ptr %its.shape, i64 %d
  %length.at = getelementptr i64, ptr %shape, i64 %d
  %its.length = load i64, ptr %its.length.at
  %length = load i64, ptr %length.at
  %same = icmp eq i64 %its.length, %length
  %d.next = add i64 %d, 1
  br i1 %same, label %next, label %no
fits:
  %data.at = getelementptr %array, ptr %arg, i32 0, i32 1
  %data = load ptr, ptr %data.at
  ret ptr %data

number:
  %class.a.at = getelementptr %input, ptr %input, i32 0, i32 4
  %class.b.at = getelementptr %input, ptr %input, i32 0, i32 5
  %class.a = load ptr, ptr %class.a.at
  %class.b = load ptr, ptr %class.b.at
  %is.a = icmp eq ptr %class, %class.a
  %is.b = icmp eq ptr %class, %class.b
  %is.number = or i1 %is.a, %is.b
  br i1 %is.number, label %value, label %other
value:
  %value.at = getelementptr %number, ptr %arg, i32 0, i32 1
  ret ptr %value.at

other:
  %way = load i32, ptr %input
  switch i32 %way, label %no [i32 1, label %bool
                              i32 2, label %int]
bool:
  %is.bool = icmp eq ptr %class, @python.bool
  br i1 %is.bool, label %truth, label %no
truth:
  %true = icmp eq ptr %arg, @python.true
  %byte = zext i1 %true to i8
  store i8 %byte, ptr %slot
  ret ptr %slot
int:
  %is.int = icmp eq ptr %class, @python.int
  br i1 %is.int, label %integer, label %no
integer:
  %integer.value = call i64 @PyLong_AsLongLongAndOverflow(ptr %arg, ptr %overflow)
  store i64 %integer.value, ptr %slot
  %overflowed = load i32, ptr %overflow
  %is.small = icmp eq i32 %overflowed, 0
  br i1 %is.small, label %small, label %no
small:
  ret ptr %slot
no:
  ret ptr null
}

; A scalar output as an object, null with Python's error set where there is no memory.
define internal ptr @boxed(ptr %value, ptr %output, i32 %way) alwaysinline nounwind {
  switch i32 %way, label %numpy [i32 1, label %bool
                                 i32 2, label %int
                                 i32 3, label %float
                                 i32 4, label %complex]
numpy:
  %descr.at = getelementptr %output, ptr %output, i32 0, i32 3
  %descr = load ptr, ptr %descr.at
  %scalar = call ptr @numpy.PyArray_Scalar(ptr %value, ptr %descr, ptr null)
  ret ptr %scalar
bool:
  %byte = load i8, ptr %value
  %long = zext i8 %byte to i64
  %a.bool = call ptr @PyBool_FromLong(i64 %long)
  ret ptr %a.bool
int:
  %integer = load i64, ptr %value
  %an.int = call ptr @PyLong_FromLongLong(i64 %integer)
  ret ptr %an.int
float:
  %double = load double, ptr %value
  %a.float = call ptr @PyFloat_FromDouble(double %double)
  ret ptr %a.float
complex:
  %imag.at = getelementptr double, ptr %value, i64 1
  %real = load double, ptr %value
  %imag = load double, ptr %imag.at
  %a.complex = call ptr @PyComplex_FromDoubles(double %real, double %imag)
  ret ptr %a.complex
}

; `self` is a tuple: the fallback, an array of the numbers and addresses that the kernel captures, and whether the one
; output is returned as it is.
define ptr @enter(ptr %self, ptr %args, i64 %count, ptr %table) nounwind {
  %inputs.at = getelementptr %table, ptr %table, i32 0, i32 5
  %outputs.at = getelementptr %table, ptr %table, i32 0, i32 6
  %n.outputs.at = getelementptr %table, ptr %table, i32 0, i32 1
  %n.inputs = load i64, ptr %table
  %n.outputs = load i64, ptr %n.outputs.at
  %inputs = load ptr, ptr %inputs.at
  %outputs = load ptr, ptr %outputs.at
  %n.both = add i64 %n.inputs, %n.outputs
  %n.pointers = add i64 %n.both, 2
  %right = icmp eq i64 %count, %n.inputs
  br i1 %right, label %begin, label %fallback
begin:
  %pointers = alloca ptr, i64 %n.pointers
  %slots = alloca [2 x i64], i64 %n.both, align 16
  br label %read

read:
  %i = phi i64 [0, %begin], [%i.next, %next]
  %all.read = icmp eq i64 %i, %n.inputs
  br i1 %all.read, label %make, label %one
one:
  %arg.at = getelementptr ptr, ptr %args, i64 %i
  %arg = load ptr, ptr %arg.at
  %input = getelementptr %input, ptr %inputs, i64 %i
  %slot = getelementptr [2 x i64], ptr %slots, i64 %i
  %data = call ptr @data(ptr %arg, ptr %input, ptr %slot)
  %unfit = icmp eq ptr %data, null
  br i1 %unfit, label %fallback, label %next
next:
  %pointer.at = getelementptr ptr, ptr %pointers, i64 %i
  store ptr %data, ptr %pointer.at
  %i.next = add i64 %i, 1
  br label %read

make:
  %objects = alloca ptr, i64 %n.outputs
  %objects.bytes = mul i64 %n.outputs, 8
  call void @llvm.memset.p0.i64(ptr %objects, i8 0, i64 %objects.bytes, i1 false)
  br label %make.next
make.next:
  %o = phi i64 [0, %make], [%o.next, %made]
  %all.made = icmp eq i64 %o, %n.outputs
  br i1 %all.made, label %space, label %make.one
make.one:
  %output = getelementptr %output, ptr %outputs, i64 %o
  %rank.at = getelementptr %output, ptr %output, i32 0, i32 1
  %rank = load i32, ptr %rank.at
  %place = add i64 %n.inputs, %o
  %is.scalar = icmp eq i32 %rank, 0
  br i1 %is.scalar, label %make.scalar, label %make.array
make.scalar:
  %value = getelementptr [2 x i64], ptr %slots, i64 %place
  br label %made
make.array:
  %shape.at = getelementptr %output, ptr %output, i32 0, i32 2
  %dtype.at = getelementptr %output, ptr %output, i32 0, i32 4
  %shape = load ptr, ptr %shape.at
  %dtype = load i32, ptr %dtype.at
  %array = call ptr @numpy.PyArray_New(ptr @numpy.ndarray, i32 %rank, ptr %shape, i32 %dtype,
                                       ptr null, ptr null, i32 0, i32 0, ptr null)
  %no.array = icmp eq ptr %array, null
  br i1 %no.array, label %drop, label %make.kept
make.kept:
  %object.at = getelementptr ptr, ptr %objects, i64 %o
  store ptr %array, ptr %object.at
  %array.data.at = getelementptr %array, ptr %array, i32 0, i32 1
  %array.data = load ptr, ptr %array.data.at
  br label %made
made:
  %result.data = phi ptr [%value, %make.scalar], [%array.data, %make.kept]
  %result.at = getelementptr ptr, ptr %pointers, i64 %place
  store ptr %result.data, ptr %result.at
  %o.next = add i64 %o, 1
  br label %make.next

; The workspace: the module's block, which the call takes away, or one of its own where another call has it.
space:
  %workspace.at = getelementptr %table, ptr %table, i32 0, i32 2
  %block.at.at = getelementptr %table, ptr %table, i32 0, i32 7
  %workspace = load i64, ptr %workspace.at
  %block.at = load ptr, ptr %block.at.at
  %on.stack = icmp eq ptr %block.at, null
  br i1 %on.stack, label %stack, label %take
stack:
  %stack.space = alloca i8, i64 %workspace, align 64
  br label %work
take:
  %kept = atomicrmw xchg ptr %block.at, ptr null acq_rel
  %none.kept = icmp eq ptr %kept, null
  br i1 %none.kept, label %allocate, label %taken
allocate:
  %bytes = add i64 %workspace, 63
  %fresh = call ptr @PyMem_RawMalloc(i64 %bytes)
  %no.memory = icmp eq ptr %fresh, null
  br i1 %no.memory, label %out.of.memory, label %taken
out.of.memory:
  call ptr @PyErr_NoMemory()
  br label %drop
taken:
  %raw = phi ptr [%kept, %take], [%fresh, %allocate]
  %raw.end = getelementptr i8, ptr %raw, i64 63
  %heap.space = call ptr @llvm.ptrmask.p0.i64(ptr %raw.end, i64 -64)
  br label %work

work:
  %mine = phi ptr [null, %stack], [%raw, %taken]
  %space.data = phi ptr [%stack.space, %stack], [%heap.space, %taken]
  %captured = call ptr @PyTuple_GetItem(ptr %self, i64 1)
  %captured.data.at = getelementptr %array, ptr %captured, i32 0, i32 1
  %captured.data = load ptr, ptr %captured.data.at
  %captured.at = getelementptr ptr, ptr %pointers, i64 %n.both
  store ptr %captured.data, ptr %captured.at
  %space.at = getelementptr ptr, ptr %captured.at, i64 1
  store ptr %space.data, ptr %space.at
  %kernel.at = getelementptr %table, ptr %table, i32 0, i32 4
  %releases.at = getelementptr %table, ptr %table, i32 0, i32 3
  %kernel = load ptr, ptr %kernel.at
  %releases = load i64, ptr %releases.at
  %holds = icmp eq i64 %releases, 0
  br i1 %holds, label %holding, label %releasing
holding:
  %status.a = call i32 %kernel(ptr %pointers)
  br label %worked
releasing:
  %thread = call ptr @PyEval_SaveThread()
  %status.b = call i32 %kernel(ptr %pointers)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %worked
worked:
  %status = phi i32 [%status.a, %holding], [%status.b, %releasing]
  br i1 %on.stack, label %returned, label %give.back
give.back:
  %is.large = icmp ugt i64 %workspace, 67108864          ; 64 MB: more than that is not held from call to call
  br i1 %is.large, label %let.go, label %keep
let.go:
  call void @PyMem_RawFree(ptr %mine)
  br label %returned
keep:
  %displaced = atomicrmw xchg ptr %block.at, ptr %mine acq_rel
  call void @PyMem_RawFree(ptr %displaced)
  br label %returned
returned:
  %well = icmp eq i32 %status, 0
  br i1 %well, label %box, label %drop

box:
  %b = phi i64 [0, %returned], [%b.next, %boxed]
  %all.boxed = icmp eq i64 %b, %n.outputs
  br i1 %all.boxed, label %pack, label %box.one
box.one:
  %box.output = getelementptr %output, ptr %outputs, i64 %b
  %box.rank.at = getelementptr %output, ptr %box.output, i32 0, i32 1
  %box.rank = load i32, ptr %box.rank.at
  %box.is.scalar = icmp eq i32 %box.rank, 0
  br i1 %box.is.scalar, label %box.scalar, label %boxed
box.scalar:
  %box.place = add i64 %n.inputs, %b
  %box.value = getelementptr [2 x i64], ptr %slots, i64 %box.place
  %box.way = load i32, ptr %box.output
  %box.object = call ptr @boxed(ptr %box.value, ptr %box.output, i32 %box.way)
  %box.at = getelementptr ptr, ptr %objects, i64 %b
  store ptr %box.object, ptr %box.at
  %no.box = icmp eq ptr %box.object, null
  br i1 %no.box, label %drop, label %boxed
boxed:
  %b.next = add i64 %b, 1
  br label %box

; The tuple comes last: `gc.get_objects` would find it unfinished while the GIL is released.
pack:
  %single = call ptr @PyTuple_GetItem(ptr %self, i64 2)
  %is.single = icmp eq ptr %single, @python.true
  br i1 %is.single, label %lone, label %several
lone:
  %only = load ptr, ptr %objects
  ret ptr %only
several:
  %tuple = call ptr @PyTuple_New(i64 %n.outputs)
  %no.tuple = icmp eq ptr %tuple, null
  br i1 %no.tuple, label %drop, label %fill
fill:
  %f = phi i64 [0, %several], [%f.next, %filled]
  %all.filled = icmp eq i64 %f, %n.outputs
  br i1 %all.filled, label %done, label %filled
filled:
  %item.at = getelementptr ptr, ptr %objects, i64 %f
  %item = load ptr, ptr %item.at
  call i32 @PyTuple_SetItem(ptr %tuple, i64 %f, ptr %item)
  %f.next = add i64 %f, 1
  br label %fill
done:
  ret ptr %tuple

; Without the outputs to the fallback if the kernel asks for it, else to Python's error.
drop:
  %again = phi i1 [true, %returned], [false, %make.array], [false, %out.of.memory], [false, %box.scalar], [false, %several]
  br label %drop.next
drop.next:
  %x = phi i64 [0, %drop], [%x.next, %dropped]
  %all.dropped = icmp eq i64 %x, %n.outputs
  br i1 %all.dropped, label %leave, label %dropped
dropped:
  %dropped.at = getelementptr ptr, ptr %objects, i64 %x
  %dropped.object = load ptr, ptr %dropped.at
  call void @Py_DecRef(ptr %dropped.object)
  %x.next = add i64 %x, 1
  br label %drop.next
leave:
  br i1 %again, label %fallback, label %error
error:
  ret ptr null
fallback:
  %otherwise = call ptr @PyTuple_GetItem(ptr %self, i64 0)
  %result = call ptr @PyObject_Vectorcall(ptr %otherwise, ptr %args, i64 %count, ptr null)
  ret ptr %result
}
