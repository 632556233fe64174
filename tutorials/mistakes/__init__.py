"""One file a lesson: how its exercises are checked, and the mistakes that people make in them."""
