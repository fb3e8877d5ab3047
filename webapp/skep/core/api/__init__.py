"""JSON over HTTP: parses, authorises, calls one service function, answers."""
