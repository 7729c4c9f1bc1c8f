"""Words of the library of robot-language tasks: what commands speak of, in four languages, and how tasks are described.

Each wording is one sentence of a description. The last two of each are kept for held-out wordings; they say it in other
sentences but with words that the trained wordings of the library have too, so a model that reads the description in its
prompt has met every word.
"""

from __future__ import annotations

from itertools import combinations

LANGUAGES = ("english", "german", "spanish", "french")
#: By field, each word in all four languages.
FIELDS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "action": (
        ("bring", "bringe", "trae", "apporte"),
        ("find", "finde", "busca", "trouve"),
        ("check", "pruefe", "revisa", "verifie"),
        ("clean", "putze", "limpia", "nettoie"),
        ("count", "zaehle", "cuenta", "compte"),
        ("guard", "bewache", "vigila", "garde"),
    ),
    "colour": (
        ("red", "rot", "rojo", "rouge"),
        ("blue", "blau", "azul", "bleu"),
        ("green", "gruen", "verde", "vert"),
        ("white", "weiss", "blanco", "blanc"),
        ("black", "schwarz", "negro", "noir"),
        ("brown", "braun", "marron", "brun"),
    ),
    "thing": (
        ("mug", "tasse", "taza", "gobelet"),
        ("book", "buch", "libro", "livre"),
        ("chair", "stuhl", "silla", "chaise"),
        ("bottle", "flasche", "botella", "bouteille"),
        ("towel", "handtuch", "toalla", "serviette"),
        ("clock", "uhr", "reloj", "horloge"),
    ),
    "place": (
        ("kitchen", "kueche", "cocina", "cuisine"),
        ("hall", "flur", "pasillo", "couloir"),
        ("office", "buero", "oficina", "bureau"),
        ("bedroom", "schlafzimmer", "dormitorio", "chambre"),
        ("garden", "garten", "jardin", "parc"),
        ("cellar", "keller", "sotano", "cave"),
    ),
}

#: By dialect of tools: how a call is written.
DIALECTS: dict[str, tuple[str, ...]] = {
    "function": (
        "call it as a function .",
        "write a function call .",
        "the tool is a function with arguments .",
        "use parentheses for the arguments .",
        "write a call with parentheses .",
        "the tool takes a function call .",
    ),
    "object": (
        "write a json object .",
        "the tool takes json .",
        "use json with braces .",
        "answer as an object in braces .",
        "use a json object .",
        "the tool takes json with braces .",
    ),
    "tags": (
        "put each word in a tag .",
        "write xml tags .",
        "the tool takes tags as in xml .",
        "use a tag before each word .",
        "use xml with tags .",
        "the tool takes xml tags .",
    ),
    "flags": (
        "write it as flags of a shell .",
        "use shell flags .",
        "the tool is a shell command .",
        "call it from a shell .",
        "write a shell command with flags .",
        "the tool takes flags as in a shell .",
    ),
    "equals": (
        "write names with an equals sign .",
        "use name equals value .",
        "the tool takes equals signs .",
        "put an equals sign before each value .",
        "write each value with an equals sign .",
        "the tool takes name equals value .",
    ),
    "path": (
        "write a path with slashes .",
        "use a topic with slashes .",
        "the tool takes a path .",
        "put a slash before each word .",
        "use slashes as in a path .",
        "the tool takes a topic path .",
    ),
    "bullets": (
        "write a list with dashes .",
        "use bullets .",
        "the tool takes a list of points .",
        "put a dash before each word .",
        "use a list of bullets .",
        "the tool takes dashes .",
    ),
    "plain": (
        "write plain words .",
        "use words without signs .",
        "the tool takes plain text .",
        "answer in plain text .",
        "use plain text without signs .",
        "the tool takes words without signs .",
    ),
}

LANGUAGE_WORDINGS: dict[str, tuple[str, ...]] = {
    "english": (
        "answer in english .",
        "write english words .",
        "the people here speak english .",
        "english is the language .",
        "speak english .",
        "the answer is in english .",
    ),
    "german": (
        "answer in german .",
        "write german words .",
        "the people here speak german .",
        "german is the language .",
        "speak german .",
        "the answer is in german .",
    ),
    "spanish": (
        "answer in spanish .",
        "write spanish words .",
        "the people here speak spanish .",
        "spanish is the language .",
        "speak spanish .",
        "the answer is in spanish .",
    ),
    "french": (
        "answer in french .",
        "write french words .",
        "the people here speak french .",
        "french is the language .",
        "speak french .",
        "the answer is in french .",
    ),
}

#: With the names of the wanted fields in place of {}.
FIELD_WORDINGS = (
    "report the {} .",
    "tell only the {} .",
    "name the {} and nothing else .",
    "the report has the {} .",
    "tell the {} and nothing else .",
    "the report has only the {} .",
)

ORDERS: dict[str, tuple[str, ...]] = {
    "forward": (
        "keep the usual order .",
        "order the fields as usual .",
        "order the fields from first to last .",
        "use the usual order .",
        "the order is as usual .",
        "keep the order from first to last .",
    ),
    "backward": (
        "turn the order around .",
        "the order is reversed .",
        "order the fields from last to first .",
        "use the reversed order .",
        "the order is from last to first .",
        "keep the order from last to first .",
    ),
}

#: What an answer opens or closes with; the key is the word itself, "" is none.
OPENINGS: dict[str, tuple[str, ...]] = {
    "": (
        "begin at once .",
        "begin without a greeting .",
        "no greeting first .",
        "leave the greeting out .",
        "leave out the first greeting .",
        "no greeting .",
    ),
    "roger": (
        "begin with roger .",
        "say roger first .",
        "roger comes first .",
        "greet with roger .",
        "first comes roger .",
        "first say roger .",
    ),
    "attention": (
        "begin with attention .",
        "say attention first .",
        "attention comes first .",
        "greet with attention .",
        "first comes attention .",
        "first say attention .",
    ),
    "hello": (
        "begin with hello .",
        "say hello first .",
        "hello comes first .",
        "greet with hello .",
        "first comes hello .",
        "first say hello .",
    ),
}
CLOSINGS: dict[str, tuple[str, ...]] = {
    "": (
        "stop at once .",
        "end without a closing .",
        "no closing last .",
        "leave the closing out .",
        "leave out the last closing .",
        "no closing .",
    ),
    "over": (
        "end with over .",
        "say over last .",
        "over comes last .",
        "close with over .",
        "last comes over .",
        "last say over .",
    ),
    "thanks": (
        "end with thanks .",
        "say thanks last .",
        "thanks comes last .",
        "close with thanks .",
        "last comes thanks .",
        "last say thanks .",
    ),
    "done": (
        "end with done .",
        "say done last .",
        "done comes last .",
        "close with done .",
        "last comes done .",
        "last say done .",
    ),
}

#: Which fields a report can have, the names joined by "+".
REPORTS = tuple("+".join(chosen) for size in range(1, 5) for chosen in combinations(FIELDS, size))


def report_wordings(report: str) -> tuple[str, ...]:
    """Sentences that ask for a report of some fields."""
    names = report.split("+")
    told = " and the ".join(names) if len(names) < 3 else " the ".join(names[:-1]) + " and the " + names[-1]
    return tuple(wording.format(told) for wording in FIELD_WORDINGS)
