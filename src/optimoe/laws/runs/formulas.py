"""Formulas over columns of a table, which can do arithmetic and nothing else."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optimoe.core.errors import ConfigError, UnknownNameError

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


def evaluate(formula: str, columns: Mapping[str, Any]) -> Any:
    """A formula of column names, numbers, text, ``+ - * / **``, comparisons, ``and or not``.

    A column whose name is no identifier can stand alone: ``"Train Loss"``.

    Raises:
        ConfigError: It is something else.
        UnknownNameError: It names no column.
    """
    if formula.strip() in columns:
        return columns[formula.strip()]
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise UnknownNameError("column", formula, columns) from None
    try:
        return _value(tree, columns)
    except TypeError:
        raise ConfigError(f"{formula!r}: mixes text and numbers") from None


def _value(node: ast.AST, columns: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name() | ast.Attribute():
            return named(columns, ast.unparse(node))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            with np.errstate(divide="ignore", invalid="ignore"):
                return _OPERATORS[type(op)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(operand, columns))
        case ast.BoolOp(op=op, values=[first, *rest]):
            result = _value(first, columns)
            for part in rest:
                result = _OPERATORS[type(op)](result, _value(part, columns))
            return result
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, columns), _value(right, columns))
    raise ConfigError(f"{ast.unparse(node)!r}: only columns, numbers, + - * / **, comparisons, and, or, not")


def named(columns: Mapping[str, Any], name: str) -> Any:
    """A column of the table by its name.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in columns:
        raise UnknownNameError("column", name, columns)
    return columns[name]
