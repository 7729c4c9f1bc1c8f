"""More ways to ask for looks, and questions in several steps."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Row
from memory_agent_ros.evaluation.training.practice.programs import COLOUR, MATERIAL, MORE_ON, NEAREST, STATE

COLOUR_IN, MATERIAL_IN = (
    f"find({{x}}, in={{r}}); describe_view($1, {aspect}); answer(attribute, $2)" for aspect in ("colour", "material")
)
COLOUR_ON = "find({x}); relation(on, $1, thing={y}); describe_view($2, colour); answer(attribute, $3)"
ON_LIST_IN = "find({x}, in={r}); relation(on, $1); answer(list, $2)"
ON_COUNT_IN = "find({x}, in={r}); relation(on, $1); count($2); answer(number, $3)"
ON_NEXT = "find({x}); relation(on, $1, thing={y}); relation(next_to, $2); answer(list, $3)"
ON_SEEN = "find({x}); relation(on, $1, thing={y}); last_seen($2); answer(when, $3)"
ON_BEFORE = "find({x}); relation(on, $1, thing={y}); answer(where_before, $2)"
ON_LARGEST, ON_SMALLEST = (
    f"find({{x}}); relation(on, $1); pick({order}, $2); answer(which, $3)" for order in ("largest", "smallest")
)
ON_MOVED = "find({x}); relation(on, $1); changes(kind=moved); keep($2, $3); answer(list, $4)"
ON_MOVED_COUNT = "find({x}); relation(on, $1); changes(kind=moved); keep($2, $3); count($4); answer(number, $5)"
FARTHEST = "find({y}); find({x}); pick(farthest, $1, $2); "
LARGEST_NEXT, SMALLEST_NEXT = (
    f"find({{x}}); pick({order}, $1); relation(next_to, $2); answer(list, $3)" for order in ("largest", "smallest")
)
LARGEST_COLOUR, SMALLEST_COLOUR = (
    f"find({{x}}); pick({order}, $1); describe_view($2, colour); answer(attribute, $3)"
    for order in ("largest", "smallest")
)
NEAR_BOTH = "find({x}); near($1, {m}); find({y}); near($3, {m}); keep($2, $4); answer(list, $5)"
FEWER_ON = MORE_ON.replace("more", "fewer")
NEXT_ON = "find({x}); relation(next_to, $1, thing={y}); relation(on, $2); answer(list, $3)"
WIDTH_IN = "find(anything, in={r}); pick(largest, $1); measure(width, $2); answer(number, $3)"
MOVED_IN = "find(anything, in={r}); changes(kind=moved); keep($1, $2); answer(list, $3)"
NEAREST_IN = "find({x}); find(anything, in={r}); pick(nearest, $2, $1); answer(which, $3)"

LOOKS: tuple[Row, ...] = (
    ("[Colour|Color] of the {x}[?|, please.]", "colour", COLOUR),
    ("Do you [know|remember] [what|which] [colour|color] the {x} [has|is]?", "colour", COLOUR),
    ("How is the {x} [coloured|painted]?", "colour", COLOUR),
    ("[Material|What is the material] of the {x}?", "material", MATERIAL),
    ("[What|Which stuff] did they make the {x} [of|from]?", "material", MATERIAL),
    ("Does the {x} stand [upright|straight] or [lie|is it lying] on its side?", "state", STATE),
    ("Did the {x} tip over?", "state", STATE),
    ("[Colour|Color] of the {x} {r:in}?", "colour_room",
     "find({x}, in={r}); describe_view($1, colour); answer(attribute, $2)"),
    ("What [colour|color] has the {y} that [lies|stands|is] on the {x}?", "colour_on",
     "find({x}); relation(on, $1, thing={y}); describe_view($2, colour); answer(attribute, $3)"),
    ("[Could|Can] [you|somebody] [say|describe] the {x}'s [colour|color]?", "colour", COLOUR),
    ("The {x}: [what colour|which color|red, blue, or what]?", "colour", COLOUR),
    ("{x}, [colour|color]?", "colour", COLOUR),
    ("In [what|which] [colour|color] [does|did] the {x} [come|look to you]?", "colour", COLOUR),
    ("[Black, white, brown|Red, green, blue]: which of these, if any, is the {x}?", "colour", COLOUR),
    ("Which [colour|color] would you [call|give as that of] the {x}?", "colour", COLOUR),
    ("The {x} is of [what|which] [colour|color]?", "colour", COLOUR),
    ("What does the {x} look like in [colour|color]?", "colour", COLOUR),
    ("[Any idea|Do you recall] of [what|which] [colour|color] the {x} was?", "colour", COLOUR),
    ("What is it made of, the {x}?", "material", MATERIAL),
    ("I [wonder|would like to know] [what|which material] the {x} is made [of|from].", "material", MATERIAL),
    ("{x}, [material|made of what|what stuff]?", "material", MATERIAL),
    ("The {x}: [wood, metal or what|which material|what is it made from]?", "material", MATERIAL),
    ("[Name|Give me|Tell me] the material [of|used for] the {x}.", "material", MATERIAL),
    ("[Which|What] [material|substance|stuff] does the {x} consist of?", "material", MATERIAL),
    ("Out of [what|which material|what stuff] [was|is] the {x} [built|made|manufactured]?", "material", MATERIAL),
    ("Any idea which material the {x} [is|was made from]?", "material", MATERIAL),
    ("Is it [wood|metal|plastic|glass], or what else, that the {x} is made of?", "material", MATERIAL),
    ("{r:in}, what is the {x} made [of|from]?", "material_room", MATERIAL_IN),
    ("[Material|The material] of the {x} {r:in}[?|.|, please.]", "material_room", MATERIAL_IN),
    ("[Which|What] [material|stuff] was used for the {x} {r:in}?", "material_room", MATERIAL_IN),
    ("I wonder out of what they made the {x} that stands {r:in}.", "material_room", MATERIAL_IN),
    ("{r:in}, which [colour|color] [is|has] the {x}?", "colour_room", COLOUR_IN),
    ("I [wonder|forgot] what [colour|color] the {x} {r:in} [is|has].", "colour_room", COLOUR_IN),
    ("The {x} {r:in}: which [colour|color]?", "colour_room", COLOUR_IN),
    ("Which [hue|shade|tint] has the {x} that is {r:in}?", "colour_room", COLOUR_IN),
    ("[Describe|Tell me|Name] the [colour|color] of the {x} that stands {r:in}.", "colour_room", COLOUR_IN),
    ("How is the {x} {r:in} [coloured|painted]?", "colour_room", COLOUR_IN),
    ("[Colour|Color] of the {y} [on|upon|atop|on top of] the {x}[?|, please.]", "colour_on", COLOUR_ON),
    ("On the {x} there is {y:a}; what [colour|color] is it?", "colour_on", COLOUR_ON),
    ("I wonder which [colour|color] the {y} [lying on|upon|on top of] the {x} has.", "colour_on", COLOUR_ON),
    ("The {y} [on|atop] the {x}: [what|which] [colour|color]?", "colour_on", COLOUR_ON),
    ("Which [hue|shade|tint] has the {y} [carried by|sitting on|resting on] the {x}?", "colour_on", COLOUR_ON),
    ("[Describe|Tell me|Name] the [colour|color] of the {y} that the {x} carries.", "colour_on", COLOUR_ON),
    ("In what state [is|did you see] the {x}, upright or [on its side|tipped over]?", "state", STATE),
    ("Has the {x} [fallen over|toppled|been knocked over]?", "state", STATE),
    ("I wonder [if|whether] the {x} [is upright|has fallen over|still stands straight].", "state", STATE),
    ("The {x}: [standing or lying|upright or tipped over|upright or not]?", "state", STATE),
    ("[Check|Find out] [if|whether] the {x} [is upright|lies on its side|has toppled].", "state", STATE),
    ("{x}, state[?|, please.]", "state", STATE),
)  # fmt: skip
CHAINS: tuple[Row, ...] = (
    ("[Count|How many are] the things on the {x} that [is|stands] {r:in}[.|?]", "on_room",
     "find({x}, in={r}); relation(on, $1); count($2); answer(number, $3)"),
    ("What stands beside the {y} [that is|lying] on the {x}?", "on",
     "find({x}); relation(on, $1, thing={y}); relation(next_to, $2); answer(list, $3)"),
    ("Which {y} is [nearest|closest] to the {x}, and in which room?", "several_two", NEAREST + "answer(room, $3)"),
    ("[Find|Show me] the {y} [nearest|closest] to the {x}.", "several_two", NEAREST + "answer(where, $3)"),
    ("Which {y} is [farthest|furthest] away from the {x}, and where?", "several_two",
     "find({y}); find({x}); pick(farthest, $1, $2); answer(where, $3)"),
    ("How many metres is the nearest {y} away from the {x}?", "several_two",
     NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
    ("[Name|List] what is beside the [largest|biggest] {x}.", "several",
     "find({x}); pick(largest, $1); relation(next_to, $2); answer(list, $3)"),
    ("What is [at most|no more than] {m} away from the {x} and also from the {y}?", "near_close",
     "find({x}); near($1, {m}); find({y}); near($3, {m}); keep($2, $4); answer(list, $5)"),
    ("Is the {x} [fuller|more loaded] than the {y}?", "two_carriers", MORE_ON),
    ("What does the {y} beside the {x} have on it?", "next_to_carrier",
     "find({x}); relation(next_to, $1, thing={y}); relation(on, $2); answer(list, $3)"),
    ("What is the width of the [largest|biggest] thing {r:in}?", "room",
     "find(anything, in={r}); pick(largest, $1); measure(width, $2); answer(number, $3)"),
    ("What {r:in} has been moved?", "moved_to",
     "find(anything, in={r}); changes(kind=moved); keep($1, $2); answer(list, $3)"),
    ("When was the {y} on the {x} last seen?", "on",
     "find({x}); relation(on, $1, thing={y}); last_seen($2); answer(when, $3)"),
    ("[Colour|Color] of the {y} [nearest|closest] to the {x}?", "several_two",
     NEAREST + "describe_view($3, colour); answer(attribute, $4)"),
    ("[Colour|Color] of the [largest|biggest] {x}?", "several",
     "find({x}); pick(largest, $1); describe_view($2, colour); answer(attribute, $3)"),
    ("How many things that are on the {x} had another place before?", "on",
     "find({x}); relation(on, $1); changes(kind=moved); keep($2, $3); count($4); answer(number, $5)"),
    ("The {y} on the {x}: where did it stand before?", "on_moved",
     "find({x}); relation(on, $1, thing={y}); answer(where_before, $2)"),
    ("Which thing on the {x} is the [largest|biggest]?", "on",
     "find({x}); relation(on, $1); pick(largest, $2); answer(which, $3)"),
    ("[Name|Which is] the thing {r:in} that is [nearest|closest] to the {x}[.|?]", "one_room",
     "find({x}); find(anything, in={r}); pick(nearest, $2, $1); answer(which, $3)"),
    # Things on a thing in a room.
    ("{r:in}, how many things [lie|sit|are] [upon|on top of|atop] the {x}?", "on_room", ON_COUNT_IN),
    ("[Number|Count] of things carried by the {x} {r:in}[?|.]", "on_room", ON_COUNT_IN),
    ("I wonder how [much stuff|many things] the {x} {r:in} [carries|holds up].", "on_room", ON_COUNT_IN),
    ("[List|Name|Show me] [the things|everything] [upon|on top of|on] the {x} {r:in}.", "on_room", ON_LIST_IN),
    ("{r:in}, what [lies|sits|rests] [upon|on top of|atop] the {x}?", "on_room", ON_LIST_IN),
    ("Things on the {x} {r:in}[?|, please.]", "on_room", ON_LIST_IN),
    ("The {x} {r:in}: what does it [carry|have on top]?", "on_room", ON_LIST_IN),
    # Beside what is on a thing.
    ("On the {x} there is {y:a}; what [stands|is] [beside|next to|adjacent to] it?", "on", ON_NEXT),
    ("[List|Name|Tell me] the neighbours of the {y} that is [on|upon] the {x}.", "on", ON_NEXT),
    ("Which things [flank|are adjacent to|are beside] the {y} [on|atop|on top of] the {x}?", "on", ON_NEXT),
    ("The {y} [upon|on top of|carried by] the {x}: what is [beside|at the side of] it?", "on", ON_NEXT),
    # When what is on a thing was seen; the largest, smallest, moved of them.
    ("The {y} [on|upon|atop] the {x}: [last seen when|when last in view]?", "on", ON_SEEN),
    ("How long ago did you see the {y} that [lies|sits|is] on the {x}?", "on", ON_SEEN),
    ("[Latest|Last] sighting of the {y} [carried by|on top of] the {x}[?|.]", "on", ON_SEEN),
    ("Of [all|the things] on the {x}, which is the [largest|biggest|bulkiest]?", "on", ON_LARGEST),
    ("[Name|Tell me] the [largest|biggest] of the things that the {x} carries.", "on", ON_LARGEST),
    ("What is the [smallest|tiniest|littlest] thing [on|upon|on top of] the {x}?", "on", ON_SMALLEST),
    ("Of [all|the things] on the {x}, which is the [smallest|least bulky]?", "on", ON_SMALLEST),
    ("How many of the things on the {x} [were moved|were put there from elsewhere|changed places]?", "on",
     ON_MOVED_COUNT),
    ("[Number|Count] of moved things [on|upon|on top of] the {x}[?|.]", "on", ON_MOVED_COUNT),
    ("On the {x}, how many things have been [moved|shifted|relocated]?", "on", ON_MOVED_COUNT),
    ("Which of the things on the {x} [were moved|stood elsewhere before|changed places]?", "on", ON_MOVED),
    ("[List|Name] the moved things on the {x}.", "on", ON_MOVED),
    ("Where did the {y} [that is now|now] on the {x} [use to be|stand earlier|lie before]?", "on_moved", ON_BEFORE),
    ("[Old|Former|Previous|Earlier] place of the {y} [on|upon|atop] the {x}[?|.]", "on_moved", ON_BEFORE),
    ("I wonder from where the {y} on the {x} [came|was moved].", "on_moved", ON_BEFORE),
    ("Before it came onto the {x}, where was the {y}?", "on_moved", ON_BEFORE),
    # The nearest and the farthest of a kind.
    ("In [which|what] room is the {y} [nearest|closest] to the {x}?", "several_two", NEAREST + "answer(room, $3)"),
    ("Of [all|all the] {y:s}, the one [nearest|closest] to the {x} is in which room?", "several_two",
     NEAREST + "answer(room, $3)"),
    ("[To which|Into what] room must I go for the {y} [nearest|closest] to the {x}?", "several_two",
     NEAREST + "answer(room, $3)"),
    ("I stand at the {x}; where is the [nearest|closest] {y}?", "several_two", NEAREST + "answer(where, $3)"),
    ("[Lead|Take|Point] me to the {y} that is [nearest|closest] to the {x}.", "several_two",
     NEAREST + "answer(where, $3)"),
    ("Starting at the {x}, where would I [reach|meet] the first {y}?", "several_two", NEAREST + "answer(where, $3)"),
    ("[Farthest|Furthest|Most distant] {y} from the {x}: where is it?", "several_two", FARTHEST + "answer(where, $3)"),
    ("[Find|Locate|Show me] the {y} that is [farthest|furthest] from the {x}.", "several_two",
     FARTHEST + "answer(where, $3)"),
    ("Of all {y:s}, where is the one [least close to|most distant from] the {x}?", "several_two",
     FARTHEST + "answer(where, $3)"),
    ("In [which|what] room is the {y} [farthest|most distant] from the {x}?", "several_two",
     FARTHEST + "answer(room, $3)"),
    ("[Distance|Metres] [from the {x} to|between the {x} and] the [nearest|closest] {y}[?|.]", "several_two",
     NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
    ("How far [must I go|do I have to walk|is it] from the {x} to [reach|get to] the [nearest|closest] {y}?",
     "several_two", NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
    ("The {y} [nearest|closest] to the {x}: how far [off|away] is it from there?", "several_two",
     NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
    ("How far is the most distant {y} from the {x}?", "several_two",
     FARTHEST + "measure(distance, $2, $3); answer(number, $4)"),
    ("The {y} [nearest|closest] to the {x}: [what|which] [colour|color]?", "several_two",
     NEAREST + "describe_view($3, colour); answer(attribute, $4)"),
    ("I wonder which [colour|color] the [nearest|closest] {y} to the {x} [has|is].", "several_two",
     NEAREST + "describe_view($3, colour); answer(attribute, $4)"),
    ("The {y} [nearest|closest] to the {x}: what is it made [of|from]?", "several_two",
     NEAREST + "describe_view($3, material); answer(attribute, $4)"),
    ("When did you last see the {y} that is [nearest|closest] to the {x}?", "several_two",
     NEAREST + "last_seen($3); answer(when, $4)"),
    # The largest and the smallest of a kind.
    ("What [flanks|is adjacent to|stands at the side of] the [largest|biggest] {x}?", "several", LARGEST_NEXT),
    ("The [largest|biggest] of the {x:s}: what [stands|is] [next to|beside] it?", "several", LARGEST_NEXT),
    ("Neighbours of the [largest|biggest] {x}[?|, please.]", "several", LARGEST_NEXT),
    ("What [is|stands] [beside|next to] the [smallest|littlest] {x}?", "several", SMALLEST_NEXT),
    ("The [largest|biggest] of the {x:s}: which [colour|color] has it?", "several", LARGEST_COLOUR),
    ("Of all {x:s}, what is the [colour|color] of the [largest|biggest]?", "several", LARGEST_COLOUR),
    ("I wonder what [colour|color] our [largest|biggest] {x} is.", "several", LARGEST_COLOUR),
    ("[Colour|Color] of the smallest {x}?", "several", SMALLEST_COLOUR),
    ("Of all {x:s}, what is the [colour|color] of the smallest?", "several", SMALLEST_COLOUR),
    ("Where is the [largest|biggest] [of the {x:s}|one among the {x:s}]?", "several",
     "find({x}); pick(largest, $1); answer(where, $2)"),
    ("Where is the smallest [of the {x:s}|one among the {x:s}]?", "several",
     "find({x}); pick(smallest, $1); answer(where, $2)"),
    ("Which room is the [largest|biggest] {x} in?", "several", "find({x}); pick(largest, $1); answer(room, $2)"),
    ("Which room is the smallest {x} in?", "several", "find({x}); pick(smallest, $1); answer(room, $2)"),
    # Near two things.
    ("[Name|List] the things that are within {m} of both the {x} and the {y}.", "near_close", NEAR_BOTH),
    ("Within {m} of the {x}, and within {m} of the {y} too: what is there?", "near_close", NEAR_BOTH),
    ("What has both the {x} and the {y} [less than|at most|no more than] {m} away?", "near_close", NEAR_BOTH),
    ("Which things [lie|are] {m} or less from the {x} as well as from the {y}?", "near_close", NEAR_BOTH),
    # What carries more.
    ("Are there more things on the {x} than on the {y}?", "two_carriers", MORE_ON),
    ("I wonder [if|whether] more [lies|stands] on the {x} than on the {y}.", "two_carriers", MORE_ON),
    ("More things on the {x} than on the {y}, [yes or no|right]?", "two_carriers", MORE_ON),
    ("Are there [fewer|less] things on the {x} than on the {y}?", "two_carriers", FEWER_ON),
    ("Is the {x} [emptier|less loaded|less full] than the {y}?", "two_carriers", FEWER_ON),
    # On what is beside a thing.
    ("Beside the {x} there is {y:a}; what [is|lies|stands] on it?", "next_to_carrier", NEXT_ON),
    ("[List|Name] what the {y} [next to|adjacent to|flanking] the {x} [carries|has on top].", "next_to_carrier",
     NEXT_ON),
    ("The {y} at the side of the {x}: what is [on top of|upon|on] it?", "next_to_carrier", NEXT_ON),
    ("Things [on|upon|atop] the {y} that stands [beside|next to] the {x}[?|.]", "next_to_carrier", NEXT_ON),
    # The largest in a room; what was moved there; what is nearest there.
    ("How [wide|broad] is the [largest|biggest|bulkiest] [thing|object] {r:in}?", "room", WIDTH_IN),
    ("{r:in}, what is the [width|breadth] of the [largest|biggest] object?", "room", WIDTH_IN),
    ("[Measure|Tell me] the width of the [largest|biggest] thing {r:in}.", "room", WIDTH_IN),
    ("How tall is the [largest|biggest] [thing|object] {r:in}?", "room",
     "find(anything, in={r}); pick(largest, $1); measure(height, $2); answer(number, $3)"),
    ("What is the length of the [largest|biggest] thing {r:in}?", "room",
     "find(anything, in={r}); pick(largest, $1); measure(length, $2); answer(number, $3)"),
    ("[List|Name|Show me] the things {r:in} that were [moved|shifted|relocated].", "moved_to", MOVED_IN),
    ("{r:in}, [what|which things] [changed places|stood elsewhere before]?", "moved_to", MOVED_IN),
    ("Which [of the things|things] {r:in} [had|were in] another place [before|earlier]?", "moved_to", MOVED_IN),
    ("Moved things {r:in}[?|, please.]", "moved_to", MOVED_IN),
    ("How many [of the things|things] {r:in} were [moved|shifted|relocated]?", "moved_to",
     "find(anything, in={r}); changes(kind=moved); keep($1, $2); count($3); answer(number, $4)"),
    ("{r:in}, what is [nearest|closest] to the {x}?", "one_room", NEAREST_IN),
    ("Of all things {r:in}, which [stands|is] [nearest|closest] to the {x}?", "one_room", NEAREST_IN),
    ("What {r:in} is [farthest|furthest|most distant] from the {x}?", "one_room",
     "find({x}); find(anything, in={r}); pick(farthest, $2, $1); answer(which, $3)"),
)  # fmt: skip
