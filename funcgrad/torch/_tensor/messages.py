"""What PyTorch says about leaves, gradients, views and writing in place, in its words."""

from __future__ import annotations

from funcgrad.core.warned import warn

LEAF_IN_PLACE = "a leaf Variable that requires grad is being used in an in-place operation."
VIEW_OF_LEAF_IN_PLACE = "a view of a leaf Variable that requires grad is being used in an in-place operation."
WRITE_WITHOUT_RECORDING = (
    "write inside of `with torch.no_grad():` to change the leaf itself, as an optimizer does; or make a new tensor, "
    "y = x - 0.1 in place of x -= 0.1, which is recorded"
)
_VIEW_OF_MODE = (
    "A view was created in {0} mode and is being modified inplace {1}. Given that this use case is ambiguous and "
    "error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both "
    "inside the {2} block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be "
    "tracked)."
)
NO_GRAD_VIEW_IN_PLACE = _VIEW_OF_MODE.format("no_grad", "with grad mode enabled", "no_grad")
INFERENCE_VIEW_IN_PLACE = _VIEW_OF_MODE.format("inference", "in normal mode", "inference_mode")
MULTI_VIEW_IN_PLACE = (
    "Output {index} of {name} is a view and is being modified inplace. This view is the output of a "
    "function that returns multiple views. Such functions do not allow the output views to be modified "
    "inplace. You should replace the inplace operation by an out-of-place one."
)
_MULTI_VIEW_OF_PLAIN = (
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled. This view is the output "
    "of a function that returns multiple views. Such functions do not allow the output views to be modified inplace. "
    "You should replace the inplace operation by an out-of-place one."
)


def of_plain(blocked: str) -> str:
    """The error for writing to a view of what is not recorded."""
    return blocked if "this use case is ambiguous" in blocked else _MULTI_VIEW_OF_PLAIN


def written_since(blocked: str) -> str:
    """The error for a view that must not be written, where that happened by another name of its memory."""
    return blocked.replace("is being", "its base or another view of its base has been")


_FUNCTION_VIEW = (
    "Output {{index}} of {{name}} is a view and {event} modified inplace. This view was created inside a custom "
    "Function (or because an input was returned as-is) and the autograd logic to handle view+inplace would override "
    "the custom backward associated with the custom Function, leading to incorrect gradients. This behavior is "
    "forbidden. You can fix this by cloning the output of the custom Function."
)
FUNCTION_VIEW_IN_PLACE = _FUNCTION_VIEW.format(event="is being")
FUNCTION_VIEW_WRITTEN = _FUNCTION_VIEW.format(event="its base or another view of its base has been")
CAPTURED_IN_PLACE = (
    "writing a traced value into a tensor that was made outside of the transformed function, which would keep it: make "
    "the tensor inside (clone() it there), or take it as an argument and return it"
)
CAPTURED_BY_DERIVATIVE = (
    "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to call in-place operation "
    "(aten::{}) that would mutate a captured Tensor. This is not supported; please rewrite the function being "
    "transformed to explicitly accept the mutated Tensor(s) as inputs."
)
REQUIRES_INSIDE = (
    "You are attempting to call Tensor.requires_grad_() (or perhaps using torch.autograd.functional.* APIs) inside of "
    "a function being transformed by a functorch transform. This is unsupported, please attempt to use the functorch "
    "transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside of a function being "
    "transformed instead."
)
NUMBER_OF_ONE = "A Python number (`item`, `float`, `int`, `range`)"
BRANCH = "`if`, `while`, `and`, `or`, `not` or `assert`"
PLACES = "The places of nonzero elements"
UNDER_VMAP = {
    NUMBER_OF_ONE: (
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a "
        "Tensor, please try to rewrite what you're doing with other operations. If error is occurring somewhere inside "
        "PyTorch internals, please file a bug report."
    ),
    BRANCH: (
        "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support "
        "that yet, please file an issue at https://github.com/pytorch/pytorch/issues ."
    ),
    PLACES: (
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over "
        "aten::nonzero. Please file an issue at https://github.com/pytorch/pytorch/issues if you need this feature."
    ),
}
"""PyTorch's words, by what a value is needed for that differs from one of a batch to the next."""
DATA_UNDER_VMAP = "accessing `data` under vmap transform is not allowed"
DATA_OF_SEVERAL = (
    "writing through `.data` of a value that two transformations of torch.func trace, or that is recorded besides, is "
    "not supported: write into the tensor itself, or into a clone()"
)
INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
    "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
)
INFERENCE_IN_PLACE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal "
    "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
INFERENCE_REQUIRES = "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
INFERENCE_VERSION = "Inference tensors do not track version counter."
DIRTY_LEAF = "a leaf Variable that requires grad has been used in an in-place operation."
DIRTY_NOT_RETURNED = (
    "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified "
    "inplace must all be outputs of the Function."
)
OUTSIDE_TO_FUNCTIONAL = (
    "requires_grad_() inside of a to_functional call, on a tensor from outside that requires grad: it is a constant "
    "there. Name it among the tensors of to_functional(fn, *tensors), and take it as an argument of fn."
)
ONLY_OF_LEAVES = "you can only change requires_grad flags of leaf variables."
NOT_A_LEAF = (
    f"{ONLY_OF_LEAVES} If you want to use a computed variable in "
    "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
)
GRAD_OF_NON_LEAF = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
    "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated for "
    "a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by "
    "mistake, make sure you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for "
    "more information."
)
GRAD_OF_OTHER_DTYPE = (
    "attempting to assign a gradient with dtype '{given}' to a tensor with grad_dtype '{own}'. The gradient must match "
    "the tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a "
    "specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its "
    "gradient may break downstream systems that assume they match."
)
GRAD_OF_OTHER_SIZE = (
    "attempting to assign a gradient of size '{given}' to a tensor of size '{own}'. Please ensure that the gradient "
    "and the tensor are the same size"
)
DATA_OF_OTHER_KIND = "data set to a tensor that requires gradients must be floating point or complex dtype"
DETACH_VIEW_IN_PLACE = (
    "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
    "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence "
    "detach_() cannot be called on these gradients. To fix this error, please refer to the "
    "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution."
)
DEEPCOPY_OF_SUBCLASS = (
    "The default implementation of __deepcopy__() for non-wrapper subclasses only works for subclass types that "
    "implement new_empty() and for which that function returns another instance of the same subclass. You should "
    "either properly implement new_empty() for your subclass or override __deepcopy__() if it is intended behavior for "
    "new_empty() to return an instance of a different type."
)
NO_SUBCLASS = (
    "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. Make sure your class "
    "inherits from Tensor."
)
DETACHED_SINCE = (
    "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, please "
    "use out-of-place `.detach()` instead"
)
DEEPCOPY_OF_NON_LEAF = (
    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
    "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils."
    "weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
)
STAY_A_TENSOR = (
    "behind detach() there is no derivative; where one is wanted, write torch's function (torch.sin for np.sin), and "
    "torch.from_numpy(a) for an array that is an operand"
)
NUMPY_OF_TRACKED = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
NUMPY_OF_TRACED = "Cannot access data pointer of Tensor that doesn't have storage"
USE_TENSORS = (
    "Compute with the Tensor itself, in place of its numbers; numbers that are known beforehand may be closed over by "
    "the function."
)
USE_WHERE = (
    "Choose between values with torch.where(condition, a, b); a condition that is known beforehand may be closed over "
    "by the function."
)
SCALAR_OF_TRACKED = (
    "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
    "Consider using tensor.detach() first."
)


def noted(error: Exception, note: str) -> Exception:
    """PyTorch's error, with a note on its cause."""
    if note:
        error.add_note(f"funcgrad: {note}")
    return error


class _Settings:
    always = False


settings = _Settings()
_warned: set[str] = set()


def warn_once(message: str, place: str = "") -> None:
    """A warning that PyTorch gives once in a process: once at a `place`, where its texts may differ."""
    if (place or message) not in _warned or settings.always:
        _warned.add(place or message)
        warn(message, UserWarning)
