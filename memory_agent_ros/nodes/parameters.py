"""ROS parameters from frozen dataclasses: same names, descriptions and ranges in both.

A node's configuration is one frozen dataclass. Each field is a parameter; a field that is itself a dataclass (the
configuration of a core part) becomes a group, ``memory.gate_m``. Descriptions and ranges come from :func:`parameter`;
for core dataclasses without it they are read off the docstring.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

ConfigT = TypeVar("ConfigT")

_LARGEST_INTEGER = 2**62


def parameter(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
    read_only: bool = False,
    live: bool = False,
) -> Any:
    """A dataclass field that knows how to be a ROS parameter.

    Args:
        default: bool, int, float, str or a tuple of one of them.
        description: one sentence with the unit.
        minimum: lowest value allowed.
        maximum: highest value allowed.
        choices: allowed strings, any if empty.
        read_only: can be set at start only.
        live: a change takes effect at once; others are refused while the node is configured.
    """
    metadata = {
        "description": description,
        "minimum": minimum,
        "maximum": maximum,
        "choices": tuple(choices),
        "read_only": read_only,
        "live": live,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class ParameterSpec:
    """One parameter of a configuration: dotted name, default value, and the field's metadata."""

    name: str
    default: Any
    description: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    read_only: bool
    live: bool

    def descriptor(self) -> ParameterDescriptor:
        """The descriptor that ``ros2 param describe`` shows."""
        descriptor = ParameterDescriptor(name=self.name, description=self.description, read_only=self.read_only)
        if self.choices:
            descriptor.additional_constraints = "one of: " + ", ".join(self.choices)
        if self.minimum is None and self.maximum is None:
            return descriptor
        if isinstance(self.default, float):
            low = -math.inf if self.minimum is None else float(self.minimum)
            high = math.inf if self.maximum is None else float(self.maximum)
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
        elif isinstance(self.default, int) and not isinstance(self.default, bool):
            low_int = -_LARGEST_INTEGER if self.minimum is None else int(self.minimum)
            high_int = _LARGEST_INTEGER if self.maximum is None else int(self.maximum)
            descriptor.integer_range = [IntegerRange(from_value=low_int, to_value=high_int, step=0)]
        return descriptor


def specs(config_class: type, prefix: str = "") -> list[ParameterSpec]:
    """All parameters of a configuration class, groups flattened. Fields whose default is None are left out."""
    hints = typing.get_type_hints(config_class)
    described = _documented(config_class)
    found: list[ParameterSpec] = []
    for field in dataclasses.fields(config_class):
        default = _default(field)
        name = prefix + field.name
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            found.extend(specs(hints[field.name], prefix=name + "."))
        elif _is_parameter_value(default):
            meta: Mapping[str, Any] = field.metadata
            text, low, high = described.get(field.name, ("", None, None))
            found.append(
                ParameterSpec(
                    name=name,
                    default=default,
                    description=meta.get("description", text),
                    minimum=meta.get("minimum", low),
                    maximum=meta.get("maximum", high),
                    choices=tuple(meta.get("choices") or ()),
                    read_only=bool(meta.get("read_only", False)),
                    live=bool(meta.get("live", False)),
                )
            )
    return found


def declare(node: Node, config_class: type) -> dict[str, ParameterSpec]:
    """Declare every parameter of ``config_class`` on ``node``; returns them by name."""
    by_name = {spec.name: spec for spec in specs(config_class)}
    for spec in by_name.values():
        default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
        node.declare_parameter(spec.name, default, spec.descriptor())
    return by_name


def read(node: Node, config_class: type[ConfigT], changed: Mapping[str, Any] | None = None) -> ConfigT:
    """Build the configuration from the node's parameters, with the values in ``changed`` taking their place.

    Raises:
        ValueError: a value breaks a constraint, or the dataclass itself refuses it.
    """
    values = {spec.name: node.get_parameter(spec.name).value for spec in specs(config_class)}
    values.update(changed or {})
    for spec in specs(config_class):
        _check(spec, values[spec.name])
    return _build(config_class, values, "")


def _build(config_class: type[ConfigT], values: Mapping[str, Any], prefix: str) -> ConfigT:
    hints = typing.get_type_hints(config_class)
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(config_class):  # type: ignore[arg-type]
        default = _default(field)
        name = prefix + field.name
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            arguments[field.name] = _build(hints[field.name], values, name + ".")
        elif name in values:
            arguments[field.name] = tuple(values[name]) if isinstance(default, tuple) else values[name]
    return config_class(**arguments)


def _check(spec: ParameterSpec, value: Any) -> None:
    if spec.choices and value not in spec.choices:
        raise ValueError(f"{spec.name} must be one of {', '.join(spec.choices)}, got {value!r}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not math.isfinite(value):
        raise ValueError(f"{spec.name} must be finite, got {value}")
    low, high = spec.minimum, spec.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"{spec.name} must be in [{low}, {high}], got {value}")


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None


def _is_parameter_value(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(item, bool | int | float | str) for item in value)
    return isinstance(value, bool | int | float | str)


def _documented(config_class: type) -> dict[str, tuple[str, float | None, float | None]]:
    """Description and range of each field that the docstring explains.

    An entry is ``name: text`` or ``name, name: text``; a range stands in it as ``[low, high]`` or ``low to high``.
    """
    names = {field.name for field in dataclasses.fields(config_class)}
    found: dict[str, tuple[str, float | None, float | None]] = {}
    entry: list[str] = []
    described: list[str] = []
    for line in [*(config_class.__doc__ or "").splitlines(), "end:"]:
        match = re.match(r"\s*([a-z_][a-z0-9_]*(?:, [a-z_][a-z0-9_]*)*):(?:\s|$)", line)
        starts = match is not None and set(match.group(1).split(", ")) <= names
        if starts or not line.strip() or line == "end:":
            found.update(_explained(described, " ".join(entry)))
            described, entry = [], []
        if starts and match is not None:
            described, line = match.group(1).split(", "), line[match.end() :]
        if described:
            entry.append(line.strip())
    return found


def _explained(names: list[str], text: str) -> dict[str, tuple[str, float | None, float | None]]:
    number = r"(-?\d+(?:\.\d+)?)"
    ranges = re.finditer(rf"\[{number}, {number}\]|{number} to {number}", text)
    pairs = [(float(match[1] or match[3]), float(match[2] or match[4])) for match in ranges]
    if len(pairs) != len(names):
        pairs = pairs * len(names) if len(pairs) == 1 else []
    limits: list[tuple[float | None, float | None]] = [*pairs] or [(None, None)] * len(names)
    return {name: (text, low, high) for name, (low, high) in zip(names, limits, strict=True)}
