"""Stand-in for ROS 2's ``launch``: just enough to run our launch files and see what they would start."""


class LaunchContext:
    """Holds launch configurations (arguments by name) and what was done to the environment."""

    def __init__(self, configurations=None):
        self.launch_configurations = dict(configurations or {})
        self.environment = {}


class LaunchDescription:
    """A list of actions, as the real one."""

    def __init__(self, initial_entities=()):
        self.entities = list(initial_entities)
