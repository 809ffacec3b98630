"""The server: one router per room, streams, and the page."""
