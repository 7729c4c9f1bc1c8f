"""Reading from pictures what only pixels hold: protocol, crops of evidence, and the models that read them."""
