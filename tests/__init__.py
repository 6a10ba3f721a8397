"""How annotations are checked while the tests run: shapes by jaxtyping, types by beartype."""

import dataclasses
import functools
import inspect
from typing import get_args

import jaxtyping
from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand where a float is meant
of_jaxtyping = jaxtyping.jaxtyped


def states_a_shape(hint):
    """Whether an annotation holds one of jaxtyping, in any depth; one in quotes may."""
    if isinstance(hint, str):
        return True
    if isinstance(hint, list | tuple):
        return any(map(states_a_shape, hint))
    return (inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)) or states_a_shape(get_args(hint))


def checked_function(function):
    """A function whose arguments and result are checked, in each call with sizes of axes of its own."""
    typed = checked(function)
    if not states_a_shape(list(inspect.get_annotations(function).values())):
        return typed

    @functools.wraps(function)
    def sized(*args, **kwargs):
        with of_jaxtyping("context"):
            return typed(*args, **kwargs)

    return sized


def jaxtyped(thing=None, *, typechecker=None):
    """The checks of jaxtyping's decorator of this name, without its binding and checking arguments twice.

    It does so to say which argument was wrong, in half of the time of the tests of laws.
    """
    if thing is None:
        return lambda later: jaxtyped(later, typechecker=typechecker)
    if inspect.isfunction(thing):
        return checked_function(thing)
    if dataclasses.is_dataclass(thing) and "__init__" in vars(thing):
        thing.__init__ = checked_function(thing.__init__)
        return thing
    return of_jaxtyping(thing, typechecker=typechecker)


jaxtyping.jaxtyped = jaxtyped  # the name that the import hook writes into the modules that it checks
