"""Names of household things and rooms beyond the simulator's, and other words for its own."""

from __future__ import annotations

#: Things that a world may hold under these names.
MORE_THINGS: tuple[str, ...] = (
    "alarm clock", "apron", "ashtray", "backpack", "baking tray", "bath mat", "beanbag", "bicycle pump", "bin",
    "binder", "blanket", "blender", "board game", "broom", "bucket", "candle", "candlestick", "cap", "cardboard box",
    "cereal box", "charger", "chess set", "clothes iron", "coaster", "coat", "coat rack", "coffee grinder", "comb",
    "cooking pot", "corkscrew", "cup", "curtain rod", "cushion", "cutting board", "desk lamp", "detergent bottle",
    "dictionary", "doormat", "drawer unit", "drill", "drone", "dumbbell", "dustpan", "egg carton", "electric fan",
    "envelope", "extension cord", "fish tank", "flashlight", "floor lamp", "flower pot", "folder", "fork", "fruit bowl",
    "game console", "garbage can", "glass jar", "glove", "glue stick", "guitar", "hair dryer", "hairbrush", "hamper",
    "hammer", "hand soap", "handbag", "hat", "headphones case", "helmet", "hourglass", "humidifier", "ironing board",
    "jewelry box", "jug", "kettle", "keyboard", "key ring", "ladder", "ladle", "lamp", "laptop", "laundry basket",
    "lego box", "lunch box", "magazine", "magnifying glass", "measuring cup", "microphone", "microwave", "milk frother",
    "mirror", "mixing bowl", "mop", "mouse pad", "music box", "napkin holder", "notebook", "ottoman", "paint can",
    "paper bag", "parcel", "pencil case", "pepper mill", "perfume bottle", "phone", "piano stool", "picture frame",
    "piggy bank", "pillow", "pitcher", "plastic bag", "playpen", "printer", "projector", "puzzle box", "radio",
    "recliner", "record player", "remote control", "rice cooker", "rolling pin", "router", "rug", "salt shaker",
    "sandal", "saucepan", "scale", "scarf", "screwdriver", "sewing machine", "shampoo bottle", "shoe", "shoe rack",
    "shower caddy", "skateboard", "slipper", "soap dish", "soccer ball", "speaker", "spoon", "spray bottle", "stapler",
    "step stool", "suitcase", "sugar bowl", "sunglasses case", "sweater", "table lamp", "tablet", "tape dispenser",
    "tea towel", "teapot", "teddy bear", "telephone", "television", "thermos", "tissue box", "toaster", "toolbox",
    "toothbrush", "towel", "toy car", "toy train", "tripod", "trophy", "umbrella", "umbrella stand", "vacuum cleaner",
    "vase", "violin", "waffle iron", "walking stick", "wall clock", "wallet", "watering can", "whisk", "yoga mat",
)  # fmt: skip

#: Pieces of furniture that a world may hold under these names.
MORE_FURNITURE: tuple[str, ...] = (
    "bar table", "barstool", "bench", "bunk bed", "changing table", "chest", "console table", "corner table", "couch",
    "credenza", "cupboard", "daybed", "display case", "drawer cabinet", "dresser", "drying rack", "file cabinet",
    "footstool", "futon", "glass cabinet", "kitchen island", "locker", "lounge chair", "media stand", "office chair",
    "picnic table", "plant stand", "rocking chair", "round table", "serving cart", "sewing table", "sideboard",
    "standing desk", "toy chest", "trolley", "tv stand", "vanity", "wall shelf", "wine cabinet", "workbench",
)  # fmt: skip

#: Rooms that a world may hold under these names.
MORE_ROOMS: tuple[str, ...] = (
    "hallway", "corridor", "entrance hall", "pantry", "laundry room", "guest room", "nursery", "playroom", "library",
    "study", "studio", "workshop", "garage", "sun room", "balcony", "conservatory", "cloakroom", "utility room",
    "storage room", "music room", "gym", "lobby", "attic", "basement", "den", "main bedroom", "kids room",
    "guest bathroom", "breakfast room", "reading room", "drawing room", "server room", "meeting room", "lab",
)  # fmt: skip

#: Things that no world holds: asked about where the answer is that nobody ever saw one.
NEVER_THINGS: tuple[str, ...] = (
    "accordion", "anvil", "aquarium", "bagpipe", "bird cage", "boomerang", "bowling ball", "canoe", "cash register",
    "cello", "chainsaw", "chandelier", "compass", "crib", "crutch", "cuckoo clock", "dartboard", "dollhouse", "easel",
    "fax machine", "fire extinguisher", "fishing rod", "foosball table", "globe", "gong", "grandfather clock",
    "hammock", "harp", "hedge trimmer", "hookah", "jukebox", "kayak", "kite", "lava lamp", "lawn mower", "loom",
    "metronome", "microscope", "motorcycle", "parrot", "pinball machine", "pizza oven", "pool cue", "punching bag",
    "rocking horse", "rowing machine", "saddle", "safe", "samovar", "saxophone", "scooter", "sledgehammer", "snowboard",
    "spinning wheel", "stethoscope", "stroller", "surfboard", "sword", "telescope", "tennis racket", "tent",
    "treadmill", "trumpet", "tuba", "typewriter", "unicycle", "vending machine", "wheelbarrow", "wheelchair",
    "xylophone",
)  # fmt: skip
NEVER_ROOMS: tuple[str, ...] = (
    "ballroom", "billiard room", "boathouse", "chapel", "cinema", "greenhouse", "helipad", "hot tub room", "mud room",
    "observatory", "panic room", "sauna", "swimming pool", "stable", "throne room", "wine cellar", "winter garden",
)  # fmt: skip
