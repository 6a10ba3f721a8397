"""Formulas over columns of a table, which can do arithmetic and nothing else."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optimoe.core.errors import ConfigError, UnknownNameError, shown
from optimoe.core.files.reading.cells import read_numbers

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Not: np.logical_not,
}
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
FUNCTIONS: dict[str, Callable[..., Any]] = {"log": np.log, "exp": np.exp, "log10": np.log10, "sqrt": np.sqrt}
"""Of one column or number; log is the natural one, so that ``log(perplexity)`` is nats per token."""


def evaluate(formula: str, columns: Mapping[str, Any]) -> Any:
    """A formula of column names, numbers, text, ``+ - * / **``, functions, comparisons, ``and or not``.

    The functions are ``log`` (natural), ``exp``, ``log10`` and ``sqrt``. A column whose name is no identifier can
    stand alone: ``"Train Loss"``. Where numbers are compared with text the text is read as a number if it is one:
    ``size == '15M'``.

    Raises:
        ConfigError: It is something else.
        UnknownNameError: It names no column.
    """
    if formula.strip() in columns:
        return columns[formula.strip()]
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UnknownNameError("column", formula, map(shown, columns)) from None
    try:
        with np.errstate(all="ignore"):
            return _value(tree, columns)
    except TypeError:
        raise ConfigError(f"{shown(formula)!r}: mixes text and numbers") from None
    except RecursionError:
        raise ConfigError(f"{shown(formula)!r}: is nested too deeply") from None


def _value(node: ast.AST, columns: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=int() | float() as number):
            return _number(number)
        case ast.Name() | ast.Attribute():
            return named(columns, ast.unparse(node))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(operand, columns))
        case ast.BoolOp(op=op, values=[first, *rest]):
            result = _value(first, columns)
            for part in rest:
                result = _OPERATORS[type(op)](result, _value(part, columns))
            return result
        case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, _COMPARISONS):
            return _OPERATORS[type(op)](*_alike(_value(left, columns), _value(right, columns)))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](_value(argument, columns))
    raise ConfigError(
        f"{shown(ast.unparse(node))!r}: only columns, numbers, + - * / **, {', '.join(FUNCTIONS)}, comparisons, "
        "and, or, not"
    )


def _number(number: float) -> np.float64:
    """A number of NumPy, which divides by zero to infinity and grows beyond all limits without an error."""
    try:
        return np.float64(number)
    except OverflowError:
        return np.float64(np.inf)


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides of a comparison as numbers where one is a number and the other text that is one."""
    if _is_text(left) == _is_text(right):
        return left, right
    return (_read(left), right) if _is_text(left) else (left, _read(right))


def _is_text(side: Any) -> bool:
    return isinstance(side, str) or (isinstance(side, np.ndarray) and side.dtype == object)


def _read(side: Any) -> Any:
    numbers = read_numbers([side] if isinstance(side, str) else map(str, side))
    return side if numbers is None else numbers[0] if isinstance(side, str) else numbers


def named(columns: Mapping[str, Any], name: str) -> Any:
    """A column of the table by its name.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in columns:
        raise UnknownNameError("column", name, map(shown, columns))
    return columns[name]
