"""Request bodies -> the matrix a pipeline predicts on, with an error that names row, feature and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput
from numpy.typing import NDArray

from pegel.data.columns import Field, Kind, Missing
from pegel.data.conversions import category_of, number_of
from pegel.spec.nearest import field_meant
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.plain_numbers import how_many
from pegel_serving.model_columns import Rows, kind_of_json


def from_v1(payload: Any, fields: Sequence[Field]) -> Rows:
    """Read `{"instances": [...]}`; an instance is a list in schema order or an object by name. Raises InvalidInput."""
    instances = payload.get("instances", payload.get("inputs")) if isinstance(payload, dict) else None
    if not isinstance(instances, list):
        raise InvalidInput('expected an object with a list "instances"')
    rows = np.empty((len(instances), len(fields)), dtype=object)
    for index, instance in enumerate(instances):
        for column, (field, value) in enumerate(zip(fields, _values(instance, fields, index), strict=True)):
            rows[index, column] = _checked(value, field, index)
    return rows


def from_v2(request: InferRequest, fields: Sequence[Field]) -> Rows:
    """Read one tensor per feature, a feature without one is null; or a single tensor of shape [rows, features].

    Raises InvalidInput.
    """
    tensors = {name: tensor_values(tensor) for name, tensor in named_tensors(request).items()}
    names = [field.name for field in fields]
    if len(tensors) == 1 and not set(tensors) & set(names):
        (matrix,) = tensors.values()
        if len(fields) == 1 and matrix.ndim == 1:
            matrix = matrix.reshape(-1, 1)
    else:
        matrix = _stacked(tensors, names)
    if matrix.shape[1:] != (len(fields),):
        given = f"{list(matrix.shape)}{field_meant(tensors, names)}"
        raise InvalidInput(f"one tensor alone must have the shape [rows, {len(fields)}]; given: {given}")
    rows = np.empty(matrix.shape, dtype=object)
    for index, row in enumerate(matrix.tolist()):
        for column, (field, value) in enumerate(zip(fields, row, strict=True)):
            rows[index, column] = _checked(value, field, index)
    return rows


def named_tensors(request: InferRequest) -> dict[str, InferInput]:
    """Return the tensors of a request by name. Raises InvalidInput for a name that two of them have: which is meant?"""
    tensors: dict[str, InferInput] = {}
    for tensor in request.inputs:
        if tensor.name in tensors:
            raise InvalidInput(f"expected each tensor once; given twice: {shown(str(tensor.name), NAME_LIMIT)}")
        tensors[tensor.name] = tensor
    return tensors


def _stacked(tensors: dict[str, NDArray[Any]], names: list[str]) -> NDArray[Any]:
    """Put one tensor per feature side by side, in the order of `names`."""
    if not set(tensors) <= set(names) or not tensors:
        free = [name for name in names if name not in tensors]
        meant = field_meant(sorted(set(tensors) - set(names)), free)
        raise InvalidInput(f"expected the tensors {', '.join(names)}; given: {', '.join(sorted(tensors))}{meant}")
    sizes = {tensor.size for tensor in tensors.values()}
    if len(sizes) != 1:
        raise InvalidInput(f"every tensor must have one value per row; given lengths: {sorted(sizes)}")
    nothing = np.full(sizes.pop(), None, dtype=object)
    return np.column_stack([tensors[name].astype(object).ravel() if name in tensors else nothing for name in names])


def tensor_values(tensor: Any) -> NDArray[Any]:
    """Return the values of a v2 tensor in its shape, texts as str. Raises InvalidInput."""
    return _as_text(_array(tensor))


def _array(tensor: Any) -> Any:
    """Return the values of a v2 tensor. Raises InvalidInput where data, shape and datatype do not fit each other."""
    try:
        return tensor.as_numpy()
    except InvalidInput:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(
            f"the data of the tensor {shown(str(tensor.name), NAME_LIMIT)} must have the shape "
            f"{quoted(tensor.shape, NAME_LIMIT)} and the datatype {shown(str(tensor.datatype), NAME_LIMIT)}"
        ) from error


def _as_text(tensor: Any) -> NDArray[Any]:
    """Return the tensor with text as str: a binary body carries it as bytes."""
    array = np.asarray(tensor)
    if array.dtype.kind != "O":
        return array
    values = array.ravel().tolist()
    decoded = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    return np.array(decoded, dtype=object).reshape(array.shape)


def _values(instance: Any, fields: Sequence[Field], index: int) -> Sequence[Any]:
    if isinstance(instance, dict):
        unknown = sorted(set(instance) - {field.name for field in fields})
        if unknown:
            meant = field_meant(unknown, [field.name for field in fields if field.name not in instance])
            raise InvalidInput(f"instances[{index}]: unknown features {', '.join(unknown)}{meant}")
        return [instance.get(field.name) for field in fields]
    if isinstance(instance, list) and len(instance) == len(fields):
        return instance
    given = how_many(len(instance), "value") if isinstance(instance, list) else kind_of_json(instance)
    names = ", ".join(field.name for field in fields)
    raise InvalidInput(f"instances[{index}]: expected {len(fields)} values ({names}); given: {given}")


def _checked(value: Any, field: Field, index: int) -> Any:
    """Return a value as the monitor counts it, so that model and monitor see the same. Raises InvalidInput."""
    given = f"given: {kind_of_json(value)}"
    if field.kind is Kind.CATEGORICAL:
        text, unparseable = category_of(value)
        if unparseable:
            raise InvalidInput(f"instances[{index}].{field.name}: expected text or null; {given}")
        return text
    number, missing = number_of(value)
    if missing is Missing.UNPARSEABLE:
        raise InvalidInput(f"instances[{index}].{field.name}: expected a number or null; {given}")
    return number
