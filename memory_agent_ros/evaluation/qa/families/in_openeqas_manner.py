"""Questions in the manner of OpenEQA's seven categories, in our own words; never trained on, never tuned on.

OpenEQA (Majumdar et al., CVPR 2024) asks what people ask of a robot in a home: what something is, what it looks like,
how things lie in space, in which state they are, what they are good for, what everybody knows of them, where they are.
What our tools cannot know, such as whether a door is open, is honestly unknown here.
"""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Family, Row

_WHERE, _ROOM, _LIST = (f"find({{x}}); answer({form}, $1)" for form in ("where", "room", "list"))
_ON, _NEXT, _UNDER, _IN = (
    f"find({{x}}); relation({k}, $1); answer(list, $2)" for k in ("on", "next_to", "under", "in")
)
_NEAR = "find({x}); near($1); answer(list, $2)"
_NEAREST = "find({x}); near($1, 3); pick(nearest, $2, $1); answer(which, $3)"
_HOLDS = "find(anything, in={r}, state=present); answer(list, $1)"
_LARGEST = "find(anything, in={r}); pick(largest, $1); answer(which, $2)"
_LARGEST_ON = "find({x}); relation(on, $1); pick(largest, $2); answer(which, $3)"
_COLOUR, _MATERIAL, _STATE, _TEXT = (
    f"find({{x}}); describe_view($1, {a}); answer(attribute, $2)" for a in ("colour", "material", "state", "text")
)
_COLOUR_IN = "find({x}, in={r}); describe_view($1, colour); answer(attribute, $2)"
_COLOUR_ON = "find({x}); relation(on, $1, thing={y}); describe_view($2, colour); answer(attribute, $3)"
_FAR = "find({x}); find({y}); measure(distance, $1, $2); answer(number, $3)"
_COUNT = "find({x}); count($1); answer(number, $2)"
_COUNT_IN = "find({x}, in={r}); count($1); answer(number, $2)"
_COUNT_ON = "find({x}); relation(on, $1); count($2); answer(number, $3)"
_SAME, _LARGER, _TALLER, _MORE = (
    f"find({{x}}); find({{y}}); compare({by}, $1, $2); answer(yes_no, $3)"
    for by in ("same_room", "larger", "taller", "more")
)
_WHICH_LARGER = "find({x}); find({y}); compare(larger, $1, $2); answer(which, $3)"
_Y_ON = "find({x}); relation(on, $1, thing={y}); answer(yes_no, $2)"
_Y_NEXT = "find({x}); relation(next_to, $1, thing={y}); answer(yes_no, $2)"
_ANY_IN, _ANY = "find({x}, in={r}); answer(yes_no, $1)", "find({x}); answer(yes_no, $1)"
_MOVED, _GONE = "changes(kind=moved, thing={x}); answer(yes_no, $1)", "find({x}, state=gone); answer(yes_no, $1)"
_THERE = "find({x}, state=present); answer(yes_no, $1)"
_BEFORE = "find({x}); answer(where_before, $1)"
_HIGH, _WIDE, _UP = (f"find({{x}}); measure({m}, $1); answer(number, $2)" for m in ("height", "width", "above_floor"))
_NOBODY = {form: f"find(nothing); answer({form}, $1)" for form in ("yes_no", "describe", "where", "list", "number")}

_RECOGNITION: tuple[Row, ...] = (
    ("What is that thing standing on the {x}?", "on", _ON),
    ("Which object has its place right beside the {x}?", "next_to", _NEXT),
    ("What is the closest object to the {x}?", "one_here", _NEAREST),
    ("Looking at the top of the {x}, which objects could I make out?", "on", _ON),
    ("Which piece is the most massive one {r:in}?", "room", _LARGEST),
    ("What have we got {r:in}?", "room", _HOLDS),
    ("What is that bulky thing {r:in}, the biggest of all?", "room", _LARGEST),
    ("Standing by the {x}, what is the first thing that my hand would meet?", "one_here", _NEAREST),
    ("What is being kept inside the {x}?", "inside", _IN),
    ("What is the biggest item that has been put on the {x}?", "on", _LARGEST_ON),
    ("Which objects keep the {x} company?", "one_here", _NEAR),
    ("What is it that sits beside the {x}?", "next_to", _NEXT),
    ("Besides the {x}, what else is close by?", "one_here", _NEAR),
    ("The object on the {x}, what would you call it?", "on", _ON),
    ("What kinds of things might one trip over near the {x}?", "one_here", _NEAR),
    ("Which furniture and objects make up {r}?", "room", _HOLDS),
    ("What has found its way onto the {x}?", "on", _ON),
    ("What would I be looking at if I faced the top of the {x}?", "on", _ON),
    ("What is the neighbour of the {x}?", "next_to", _NEXT),
    ("Is that {n:a} standing {r:in}?", "never_on", _NOBODY["yes_no"]),
    ("What is stored on the {x}?", "on", _ON),
    ("Which thing {r:in} takes up the most space?", "room", _LARGEST),
)
_ATTRIBUTES: tuple[Row, ...] = (
    ("What colour would you give the {x}?", "colour", _COLOUR),
    ("What is the main colour of the {x}?", "colour", _COLOUR),
    ("The {x} {r:in}, what colour was it again?", "colour_room", _COLOUR_IN),
    ("What is the {y} on the {x} like in colour?", "colour_on", _COLOUR_ON),
    ("What material has been used for the {x}?", "material", _MATERIAL),
    ("What is the {x} built out of?", "material", _MATERIAL),
    ("Of which substance is the {x}?", "material", _MATERIAL),
    ("Which colour comes to mind when you think of the {x}?", "colour", _COLOUR),
    ("What tint has the {x}?", "colour", _COLOUR),
    ("In terms of material, what is the {x}?", "material", _MATERIAL),
    ("How would you name the colour of our {x}?", "colour", _COLOUR),
    ("Somebody chose a colour for the {x}. Which one?", "colour", _COLOUR),
    ("Tapping on the {x}, which material would one feel?", "material", _MATERIAL),
    ("What colour am I to picture when you say {x}?", "colour", _COLOUR),
    ("Which hue dominates the {x} {r:in}?", "colour_room", _COLOUR_IN),
    ("What is printed on the {x}?", "one_here", _TEXT),
    ("How tall is the {x}, in metres?", "one_here", _HIGH),
    ("How broad would you say the {x} is?", "one_here", _WIDE),
    ("What raw material did the maker of the {x} work with?", "material", _MATERIAL),
    ("With what colour does the {x} greet the eye?", "colour", _COLOUR),
    ("What pattern does the {x} have?", "one_here", _NOBODY["describe"]),
    ("Is the {x} soft to the touch?", "one_here", _NOBODY["yes_no"]),
)
_SPACE: tuple[Row, ...] = (
    ("How much floor lies between the {x} and the {y}?", "two", _FAR),
    ("Could I find the {x} and the {y} without changing rooms?", "two", _SAME),
    ("Is the {x} of greater size than the {y}?", "two", _LARGER),
    ("Set side by side, would the {x} tower over the {y}?", "two", _TALLER),
    ("How far up from the ground is the {x}?", "one_here", _UP),
    ("How many {x:s} would I pass {r:in}?", "kind_room", _COUNT_IN),
    ("How crowded is the top of the {x}; how many objects are there?", "on", _COUNT_ON),
    ("Are {x:s} more common here than {y:s}?", "two_kinds", _MORE),
    ("Does the {y} rest on the {x}?", "maybe_on", _Y_ON),
    ("Is there {y:a} at the side of the {x}?", "maybe_next_to", _Y_NEXT),
    ("Which one needs more space, the {x} or the {y}?", "two", _WHICH_LARGER),
    ("How many {x:s} does this home hold?", "kind", _COUNT),
    ("Into how many rooms is this home divided?", "none", "rooms(); count($1); answer(number, $2)"),
    ("Of all rooms, which offers the most floor?", "none", "rooms(); pick(largest, $1); answer(which, $2)"),
    ("What fits within {m} around the {x}?", "near", "find({x}); near($1, {m}); answer(list, $2)"),
    ("How long must a cable be to reach from the {x} to the {y}?", "two", _FAR),
    ("Comparing {r} with {q}, is it the first that holds more objects?", "two_rooms",
     "find(anything, in={r}); find(anything, in={q}); compare(more, $1, $2); answer(yes_no, $3)"),
    ("What does the {x} have below it?", "under", _UNDER),
    ("Which {y} lies closest to the {x}, and where?", "several_two",
     "find({y}); find({x}); pick(nearest, $1, $2); answer(where, $3)"),
    ("Must I leave {r} to find {x:a}?", "kind_room", _ANY_IN),
    ("How big a step is it from the {x} to the {y}, in metres?", "two", _FAR),
    ("How much does the {x} sink into the carpet?", "one_here", _NOBODY["number"]),
)  # fmt: skip
_STATES: tuple[Row, ...] = (
    ("Is the {x} where it has always been, or did it get moved?", "maybe_moved", _MOVED),
    ("Do I have to write off the {x} as lost?", "maybe_gone", _GONE),
    ("Can the {x} still be found?", "maybe_gone", _THERE),
    ("Has somebody carried the {x} elsewhere?", "maybe_moved", _MOVED),
    ("Is the {x} open or closed?", "one_here", _NOBODY["describe"]),
    ("Is the {x} switched on?", "one_here", _NOBODY["yes_no"]),
    ("Is the {x} dirty?", "one_here", _NOBODY["yes_no"]),
    ("Is the {x} still around?", "maybe_gone", _THERE),
    ("Is the {x} lost?", "maybe_gone", _GONE),
    ("Is anything lying on the {x} at present?", "on", "find({x}); relation(on, $1); answer(yes_no, $2)"),
    ("Is the {x} broken?", "one_here", _NOBODY["yes_no"]),
    ("Has {d} brought any changes?", "span", "changes(since={d}); answer(yes_no, $1)"),
    ("Are there {x:s} that went away?", "maybe_gone", _GONE),
    ("Is the {x} occupied by someone?", "one_here", _NOBODY["yes_no"]),
    ("Is the light {r:in} on?", "room", _NOBODY["yes_no"]),
    ("Is the {x} in a different spot than before?", "maybe_moved", _MOVED),
    ("Which of our things are lost by now?", "none", "find(anything, state=gone); answer(list, $1)"),
    ("Is the window {r:in} shut?", "room", _NOBODY["yes_no"]),
    ("Is the {x} full or empty?", "one_here", _NOBODY["describe"]),
    ("What became of the {x}?", "touched", "find({x}); history($1); answer(changes, $2)"),
    ("Is the {x} warm at the moment?", "one_here", _NOBODY["yes_no"]),
    ("Is it tidy {r:in}?", "room", _NOBODY["yes_no"]),
)
_FUNCTION: tuple[Row, ...] = (
    ("I would love some coffee from the stove. Which thing for it do we have, and where?", "label:moka pot", _WHERE),
    ("I want to lie down and sleep. Where should I go?", "label:bed", _WHERE),
    ("Something must stay cold. Where do I put it?", "label:refrigerator", _WHERE),
    ("My clothes need a wash. Where can that be done?", "label:washing machine", _WHERE),
    ("I would like to fry two eggs. Where is what I need?", "label:frying pan", _WHERE),
    ("Where could I soak in warm water?", "label:bathtub", _WHERE),
    ("I am bored and feel like reading. Is there anything for me, and where?", "label:book", _WHERE),
    ("Where can I hang up my jackets and shirts?", "label:wardrobe", _WHERE),
    ("I am thirsty and want a hot drink; where is something to drink it from?", "label:mug", _WHERE),
    ("Freshly washed dishes should dry. Where can they go?", "label:dish rack", _WHERE),
    ("Where can three of us sit side by side and watch a film?", "label:sofa", _WHERE),
    ("Where would I sit down to write a letter?", "label:desk", _WHERE),
    ("I have to wash my hands; where is that possible?", "label:washstand", _WHERE),
    ("What could I carry several glasses with at once, and where is it?", "label:tray", _WHERE),
    ("Where can I eat my cereal from?", "label:bowl", _WHERE),
    ("Which thing here needs to be watered, and where is it?", "label:plant", _WHERE),
    ("Is there anything for keeping pens in order, and where?", "label:desk caddy", _WHERE),
    ("I brought a bottle of red; where can it be laid down properly?", "label:wine rack", _WHERE),
    ("Where could I chop vegetables while standing?", "label:counter", _WHERE),
    ("Where might I set down my glasses before I fall asleep?", "label:nightstand", _WHERE),
    ("Which of these could I use to fly to the moon?", "none", _NOBODY["list"]),
    ("With what could I play a tune here?", "none", _NOBODY["list"]),
)
_KNOWLEDGE: tuple[Row, ...] = (
    ("Where is the drink that is made from grapes?", "label:wine bottle", _WHERE),
    ("Is there a drink of squeezed fruit, and where?", "label:juice carton", _WHERE),
    ("Where is what comes from cows and goes into coffee?", "label:milk carton", _WHERE),
    ("Where is the red sauce that goes with fries?", "label:ketchup bottle", _WHERE),
    ("Which sweet baked snack is there, and where?", "label:cookie box", _WHERE),
    ("Where is the Italian pasta that children like with cheese?", "label:macaroni box", _WHERE),
    ("Where is the liquid that makes a salad tasty?", "label:dressing bottle", _WHERE),
    ("Where is the tinned meal that only needs heating?", "label:soup can", _WHERE),
    ("In which room would the cook keep things cold?", "label:refrigerator", _ROOM),
    ("Where are the seasonings from distant lands kept?", "label:spice rack", _WHERE),
    ("Where is the living thing that makes oxygen?", "label:plant", _WHERE),
    ("In which room does the laundry get done?", "label:washing machine", _ROOM),
    ("In which room do people sleep here?", "label:bed", _ROOM),
    ("Where do novels stand side by side?", "label:bookshelf", _WHERE),
    ("Is anything here that Italians brew their espresso with?", "label:moka pot", _ANY),
    ("What flat dish do people eat from, and where is it?", "label:plate", _WHERE),
    ("Which of the seats has arms for one person only, and where is it?", "label:armchair", _WHERE),
    ("Is any vessel here woven from twigs, and where?", "label:basket", _WHERE),
    ("Who is the author of the book?", "label:book", _NOBODY["describe"]),
    ("In which country was the {x} made?", "one_here", _NOBODY["describe"]),
    ("Which holiday is being celebrated here?", "none", _NOBODY["describe"]),
    ("What is the flag on the wall {r:in}?", "room", _NOBODY["describe"]),
)
_LOCALISATION: tuple[Row, ...] = (
    ("The {x} has slipped out of my sight; do you have a lead?", "one", _WHERE),
    ("At which spot did the {x} end up?", "one", _WHERE),
    ("Which way to the {x}?", "one", _WHERE),
    ("Where on earth is the {x}?", "one", _WHERE),
    ("Before it was moved, the {x} stood where?", "moved", _BEFORE),
    ("Take my hand and walk me over to the {x}.", "one", _WHERE),
    ("My {x} has to be somewhere. Where?", "one", _WHERE),
    ("The {x:s}, where have they all been put?", "several", _WHERE),
    ("Were you to draw a plan of this home, into which room would you put the {x}?", "one_here", _ROOM),
    ("Through which door must I go to see the {x}; which room is it in?", "one_here", _ROOM),
    ("Where have you seen the {x} most recently?", "one", _WHERE),
    ("Where was it that the {x} used to stand?", "moved", _BEFORE),
    ("In whichever room the {x} is, tell me that room.", "one_here", _ROOM),
    ("Where, if anywhere, is {x:a}?", "kind", _WHERE),
    ("Where is {n:a} to be had?", "never", _NOBODY["where"]),
    ("To fetch the {y} from the {x}, where do I go?", "on",
     "find({x}); relation(on, $1, thing={y}); answer(where, $2)"),
    ("Of all {y:s}, where is the one nearest to the {x}?", "several_two",
     "find({y}); find({x}); pick(nearest, $1, $2); answer(where, $3)"),
    ("{r:in}, whereabouts is the {x}?", "one_room", "find({x}, in={r}); answer(where, $1)"),
    ("Whereabouts did you come across the {x}?", "one", _WHERE),
    ("Help me find the {x} again.", "one", _WHERE),
    ("I cannot see the {x} anywhere, can you?", "one", _WHERE),
    ("Say, where does one keep the {x:s} here?", "several", _WHERE),
)  # fmt: skip

_TABLE = {
    "object_recognition": _RECOGNITION,
    "attribute_recognition": _ATTRIBUTES,
    "spatial_understanding": _SPACE,
    "object_state": _STATES,
    "functional_reasoning": _FUNCTION,
    "world_knowledge": _KNOWLEDGE,
    "object_localisation": _LOCALISATION,
}
#: The patterns, categories in turn.
OPENEQA: tuple[Family, ...] = tuple(
    Family(f"openeqa_{category}_{n + 1:02d}", category, *rows[n], held_out=True)
    for n in range(max(map(len, _TABLE.values())))
    for category, rows in _TABLE.items()
    if n < len(rows)
)
