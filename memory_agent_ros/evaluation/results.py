"""``docs/results.md`` from the result files of the benchmarks."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from memory_agent_ros.evaluation.bench import SCHEMA
from memory_agent_ros.records.errors import BadInputError

BEGIN, END = "<!-- benchmarks: begin (generated) -->", "<!-- benchmarks: end -->"

_TEMPLATE = """\
{% for r in results %}
### `{{ r.bench }}{{ r.options | options }}` on {{ r.split }} seeds {{ r.seeds }}

`memory-agent bench {{ r.bench }}{{ r.options | options }} --split {{ r.split }} --seeds {{ r.seeds }} --json FILE`;
commit {{ r.commit or "unknown" }}; {{ r.hardware.cpu }}, {{ r.hardware.cores }} cores;
{{ r.wall_s }} s; {{ r.peak_rss_mb }} MB.

| figure | value | 95 % interval | goal | met |
|---|---|---|---|---|
{% for name, f in r.figures.items() -%}
| {{ name }} | {{ f | value }} | {{ f | interval }} | {{ f.goal or "" }} | {{ f | met }} |
{% endfor %}
{{ r.arms | arm_tables }}

{% endfor %}
"""


def _options(options: Mapping[str, str]) -> str:
    """As written on the command line; files from before options were kept have none."""
    return "".join(f" --{name.replace('_', '-')} {value}" for name, value in (options or {}).items())


def _value(entry: Mapping[str, Any]) -> str:
    return "not measured" if entry["value"] is None else f"{entry['value']:.3g} {entry['unit']}".strip()


def _interval(entry: Mapping[str, Any]) -> str:
    low, high = entry["ci95"]
    return "" if low is None or high is None else f"[{low:.3g}, {high:.3g}]"


def _cell(entry: Mapping[str, Any]) -> str:
    """Value and interval of an arm's figure."""
    return f"{_value(entry)} {_interval(entry)}".strip()


def _arm_tables(arms: Mapping[str, Mapping[str, Any]]) -> str:
    """Arms as columns, figures as rows; arms that share no figure with the others get a table of their own."""
    tables: list[tuple[list[str], list[str]]] = []
    for arm, figures in arms.items():
        shared = next((t for t in tables if set(t[1]) & set(figures)), None)
        if shared is None:
            tables.append(([arm], list(figures)))
        else:
            shared[0].append(arm)
            shared[1].extend(name for name in figures if name not in shared[1])
    return "\n\n".join(_arm_table(arms, columns, names) for columns, names in tables)


def _arm_table(arms: Mapping[str, Mapping[str, Any]], columns: Sequence[str], names: Sequence[str]) -> str:
    lines = [["figure", *(f"`{arm}`" for arm in columns)], ["---"] * (len(columns) + 1)]
    lines += [[name, *(_cell(arms[arm][name]) if name in arms[arm] else "" for arm in columns)] for name in names]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _met(entry: Mapping[str, Any]) -> str:
    return {True: "yes", False: "**no**", None: ""}[entry["met"]]


def read_results(folder: Path) -> list[dict[str, Any]]:
    """All result files of a folder, by name.

    Raises:
        BadInputError: ``result_file`` for a file that is no result.
    """
    results = []
    for path in sorted(folder.glob("*.json")):
        try:
            data = json.loads(path.read_text())
        except json.JSONDecodeError as error:
            raise BadInputError("result_file", f"{path} is no JSON ({error}); run its benchmark again") from error
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise BadInputError("result_file", f"{path} is not of schema {SCHEMA}; run its benchmark again")
        results.append(data)
    return results


def render(results: Sequence[Mapping[str, Any]]) -> str:
    """Results as Markdown."""
    environment = Environment(trim_blocks=False, lstrip_blocks=True, autoescape=False, keep_trailing_newline=True)
    environment.filters.update(options=_options, value=_value, interval=_interval, met=_met, arm_tables=_arm_tables)
    return environment.from_string(_TEMPLATE).render(results=results).strip() + "\n"


def write_results(folder: Path, page: Path) -> None:
    """Write the results of ``folder`` into ``page`` between its two marks; what people wrote around them stays."""
    text = page.read_text() if page.exists() else f"# Results\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{head}{BEGIN}\n\n{render(read_results(folder))}\n{END}{tail}")


def main(arguments: Sequence[str]) -> int:
    """``python -m memory_agent_ros.evaluation.results [FOLDER [PAGE]]``."""
    root = Path(__file__).resolve().parent.parent.parent
    folder = Path(arguments[0]) if arguments else root / "benchmarks" / "results"
    page = Path(arguments[1]) if len(arguments) > 1 else root / "docs" / "results.md"
    write_results(folder, page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
