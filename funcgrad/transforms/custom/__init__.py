"""Rules written by users."""

from funcgrad.transforms.custom.forward import custom_jvp as custom_jvp
from funcgrad.transforms.custom.gradient import closure_convert as closure_convert
from funcgrad.transforms.custom.gradient import custom_gradient as custom_gradient
from funcgrad.transforms.custom.reverse import custom_vjp as custom_vjp
