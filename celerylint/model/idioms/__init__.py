"""How people spell things: one idiom a file, found by scan (`model.registry`)."""
