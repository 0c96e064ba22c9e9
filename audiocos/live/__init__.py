"""Sound as it happens: devices, files and synthetic signals through a stream, with the error in real time."""
