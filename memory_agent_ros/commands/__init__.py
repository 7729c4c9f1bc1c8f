"""The verbs of ``memory-agent``, one a file.

Each module has ``add_arguments(parser)`` and ``run(args) -> int``; heavy imports wait for ``run``, so that ``--help``
is quick.
"""

EPILOG = "memory-agent VERB --help tells more about a verb."
