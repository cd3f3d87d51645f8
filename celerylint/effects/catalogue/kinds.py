"""The kinds of effects, how much each matters, and how a message speaks of it."""

from __future__ import annotations

from celerylint.effects.events import Kind

PAYMENT = Kind("payment", "charges again", "error", "high")
MAIL = Kind("mail", "sends the mail again", "error", "high")
MESSAGE = Kind("message", "sends the message again", "error", "high")
HTTP = Kind("http", "sends the request again", "warning", "high")
PATCH = Kind("http", "sends the request again", "warning", "low")
CREATE = Kind("create", "creates the row again", "warning", "medium", database=True)
FORM = Kind("create", "may create the row again", "warning", "low", database=True)
COUNTER = Kind("counter", "counts it again", "warning", "medium", database=True)
PUBLISH = Kind("publish", "publishes it again", "warning", "high")
LAUNCH = Kind("launch", "starts it again", "error", "high")
MAKE = Kind("make", "makes another one", "warning", "high")
STORE = Kind("store", "adds to it again", "warning", "medium")
APPEND = Kind("append", "appends it again", "warning", "medium")
FILE = Kind("file", "writes another file", "warning", "medium")
NAMED = Kind("file", "may write another file", "warning", "low")
MOVE = Kind("move", "looks for a file that is no longer there", "warning", "low")
FANOUT = Kind("fan-out", "sends those tasks again", "warning", "medium")
INDEX = Kind("index", "indexes another document", "warning", "medium")
TRACK = Kind("track", "counts the event again", "warning", "low")
PROCESS = Kind("process", "runs the program again", "warning", "low")
OWN = Kind("effect", "does it again", "warning", "high")
UNKNOWN_CLIENT = Kind("unknown", "may do it again", "warning", "low")
