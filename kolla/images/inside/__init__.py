"""What the builder runs inside finished images, over standard input: no part of them, so changing it
rebuilds nothing. Imports nothing of ours; the image's own Python runs it, 3.10 or newer."""
