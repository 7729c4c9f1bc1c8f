"""The Node action: keeps its keyword arguments and gives the command line the real one would run."""

_KNOWN = {
    "package",
    "executable",
    "name",
    "namespace",
    "arguments",
    "ros_arguments",
    "additional_env",
    "respawn",
    "respawn_delay",
    "output",
}


class Node:
    def __init__(self, **keywords):
        unknown = set(keywords) - _KNOWN
        if unknown:
            raise TypeError(f"launch_ros.actions.Node takes no {sorted(unknown)}")
        for word in [*keywords.get("arguments", ()), *keywords.get("ros_arguments", ())]:
            if not isinstance(word, str):
                raise TypeError(f"arguments are text, got {word!r}")
        self.keywords = keywords

    def visit(self, context):
        return []

    def command(self):
        words = [
            self.keywords["executable"],
            *self.keywords["arguments"],
            "--ros-args",
            *self.keywords["ros_arguments"],
        ]
        words += ["-r", f"__node:={self.keywords['name']}"]
        namespace = self.keywords.get("namespace", "")
        return words + (["-r", f"__ns:=/{namespace.lstrip('/')}"] if namespace else [])
