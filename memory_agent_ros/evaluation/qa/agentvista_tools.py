"""The tools of AgentVista's tasks, as far as keys are at hand: web search, image search, visiting a page, Python.

``SERPAPI_KEY`` is the key of Serper, as in AgentVista's own set-up. Python runs only if it is allowed by name.
"""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from memory_agent_ros.records.errors import MissingExtraError

KEY_VARIABLE = "SERPAPI_KEY"
_SERPER = "https://google.serper.dev"
_SECONDS, _CODE_SECONDS = 30.0, 60.0
_HIDDEN = re.compile(r"<(script|style|noscript)\b.*?</\1>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class VistaTool:
    """A tool: its name, parameters, what it does, and the function that does it, all arguments texts."""

    name: str
    parameters: tuple[str, ...]
    says: str
    call: Callable[..., str]

    def run(self, **arguments: str) -> str:
        """Its result, or an error as text."""
        try:
            return self.call(**arguments)
        except TypeError as error:
            return f"error: {error}"


def tools_from_environment(*, allow_code: bool = False) -> list[VistaTool]:
    """The tools that can run here.

    Raises:
        MissingExtraError: httpx is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError("the web tools need httpx: pip install 'memory_agent_ros[language]'") from error

    def fetch(method: str, url: str, **more: Any) -> Any:
        answer = httpx.request(method, url, timeout=_SECONDS, follow_redirects=True, **more)
        answer.raise_for_status()
        return answer

    def guarded(call: Callable[..., str]) -> Callable[..., str]:
        def safe(**arguments: str) -> str:
            try:
                return call(**arguments)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                return f"error: {error}"

        return safe

    key = os.environ.get(KEY_VARIABLE, "")

    def search(kind: str, query: str) -> str:
        answer = fetch("POST", f"{_SERPER}/{kind}", headers={"X-API-KEY": key}, json={"q": query})
        return listed(answer.json(), "organic" if kind == "search" else "images")

    tools = [
        VistaTool("visit", ("url",), "the text of a web page", guarded(lambda url: page_text(fetch("GET", url).text))),
    ]
    if key:
        tools += [
            VistaTool("web_search", ("query",), "web pages", guarded(lambda query: search("search", query))),
            VistaTool("image_search", ("query",), "pictures by words", guarded(lambda query: search("images", query))),
        ]
    if allow_code:
        tools.append(VistaTool("code_interpreter", ("code",), "runs Python, gives what it prints", run_python))
    return tools


def listed(answer: Mapping[str, Any], part: str) -> str:
    """Titles, addresses and snippets of a search's answer."""
    rows = [r for r in answer.get(part) or () if isinstance(r, Mapping)][:10]
    parts = [[str(r[k]) for k in ("title", "link", "imageUrl", "snippet") if r.get(k)] for r in rows]
    return "\n".join(f"{n}. {' | '.join(p)}" for n, p in enumerate(parts, start=1)) or "nothing found"


def page_text(source: str) -> str:
    """A page without its markup."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", _HIDDEN.sub(" ", source)))
    return " ".join(text.split()) or "the page holds no text"


def run_python(code: str) -> str:
    """What a program prints; it runs in a process of its own, for a minute at most, as the user who allowed it."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=_CODE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"error: it ran longer than {_CODE_SECONDS:.0f} s"
    return (done.stdout + done.stderr).strip() or "it printed nothing"
