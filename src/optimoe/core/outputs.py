"""Outputs by symbol: a published model evaluates any of its results in the symbols of its paper."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

from optimoe.core.errors import ConfigError, UnknownNameError, require

Domains = Mapping[str, Literal["positive", "count", "share", "nonnegative"]]
"""What inputs may be: above zero, at least 1, in [0, 1), or at least 0."""

_DOMAINS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "positive": ("positive and finite", lambda value: value > 0),
    "count": ("at least 1 and finite", lambda value: value >= 1),
    "share": ("at least 0 and below 1", lambda value: (value >= 0) & (value < 1)),
    "nonnegative": ("zero or more and finite", lambda value: value >= 0),
}

Method = TypeVar("Method", bound=Callable[..., Any])


def output(symbol: str) -> Callable[[Method], Method]:
    """Name a method by the symbol that its paper uses for the result."""

    def mark(method: Method) -> Method:
        method.symbol = symbol  # type: ignore[attr-defined]
        return method

    return mark


class Evaluable:
    """Something published with outputs by symbol.

    Attributes:
        name: Its key.
        domain: What inputs may be, where not simply positive.
    """

    name: str
    domain: ClassVar[Domains] = {}
    _outputs: ClassVar[dict[str, str]] = {}
    _read: ClassVar[dict[str, Mapping[str, inspect.Parameter]]] = {}

    def __init_subclass__(cls) -> None:
        own = {member.symbol: name for name, member in vars(cls).items() if hasattr(member, "symbol")}
        cls._outputs, cls._read = cls._outputs | own, {}

    @property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """Each output's symbol, with the symbols of its inputs."""
        return {symbol: tuple(self._inputs(symbol)) for symbol in self._outputs}

    def evaluate(self, symbol: str, inputs: Mapping[str, Any]) -> Any:
        """Evaluate one output of the model, by its symbol.

        Args:
            symbol: Such as ``"L"`` or ``"N_opt"``.
            inputs: Values by symbol.

        Raises:
            UnknownNameError: No such output or input.
            ConfigError: An input is missing or outside its domain.
        """
        known = self._inputs(symbol)
        for name, value in inputs.items():
            if not isinstance(value, str | bool):
                limit, allowed = _DOMAINS[self.domain.get(name, "positive")]
                require((abs(value) < float("inf")) & allowed(value), name, limit, value)
            if name in known:
                named = known[name].annotation is str
                if isinstance(value, str) != named:  # the text of an array, made for every one, takes milliseconds
                    require(False, name, "a name" if named else "a number", repr(value))
        inputs = self.complete(symbol, inputs)
        for name in inputs:
            if name not in known:
                raise UnknownNameError(f"{self.name}: input of {symbol}", name, known)
        missing = [name for name in self.required(symbol) if name not in inputs]
        if missing:
            raise ConfigError(f"{self.name}: {symbol} needs {', '.join(missing)}")
        return getattr(self, self._outputs[symbol])(**inputs)

    def complete(self, symbol: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of an output, with those that follow from others filled in."""
        return dict(inputs)

    def required(self, symbol: str) -> tuple[str, ...]:
        """Symbols of the inputs that an output cannot do without.

        Raises:
            UnknownNameError: No such output.
        """
        empty = inspect.Parameter.empty
        return tuple(name for name, one in self._inputs(symbol).items() if one.default is empty)

    def meaning(self, symbol: str) -> str:
        """What an output stands for: the first line of its docstring."""
        return (inspect.getdoc(getattr(self, self._outputs[symbol])) or "").partition("\n")[0]

    def _inputs(self, symbol: str) -> Mapping[str, inspect.Parameter]:
        if symbol not in self._outputs:
            raise UnknownNameError(f"{self.name}: output", symbol, self._outputs)
        method = self._outputs[symbol]
        if method not in self._read:  # to read a signature takes longer than most outputs
            self._read[method] = inspect.signature(getattr(self, method)).parameters
        return self._read[method]
