"""The three actions our launch files use, with the checks the real ones make."""


class DeclareLaunchArgument:
    def __init__(self, name, *, default_value=None, description=None, choices=None):
        if not isinstance(name, str) or not isinstance(default_value, str):
            raise TypeError("names and defaults of arguments are text")
        if choices is not None and default_value not in choices:
            raise RuntimeError(f"default {default_value!r} of {name!r} is not among its choices {choices}")
        self.name, self.default_value, self.description, self.choices = name, default_value, description, choices

    def visit(self, context):
        value = context.launch_configurations.setdefault(self.name, self.default_value)
        if self.choices is not None and value not in self.choices:
            raise RuntimeError(f"argument {self.name!r} got {value!r}, not one of {self.choices}")
        return []


class SetEnvironmentVariable:
    def __init__(self, name, value):
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError("environment variables are text")
        self.name, self.value = name, value

    def visit(self, context):
        context.environment[self.name] = self.value
        return []


class OpaqueFunction:
    def __init__(self, *, function):
        self.function = function

    def visit(self, context):
        return self.function(context) or []
