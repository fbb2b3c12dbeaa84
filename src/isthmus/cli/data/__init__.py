"""``isthmus data``: lists data sets, checks every file of one, shows how a protocol divides it, exports it."""
