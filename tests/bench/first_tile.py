"""Ask for one tile and, until it comes, for `/health/live` every 20 ms; prints the seconds of each.

Run: python -m tests.bench.first_tile URL PATH; the tile's comes first.
"""

from __future__ import annotations

import sys
import threading
import time
from urllib.request import urlopen


def main(url: str, path: str) -> None:
    took: list[float] = []

    def tile() -> None:
        began = time.perf_counter()
        with urlopen(url + path) as answer:
            answer.read()
        took.append(time.perf_counter() - began)

    asking = threading.Thread(target=tile)
    asking.start()
    waits = []
    while asking.is_alive() or not waits:
        began = time.perf_counter()
        with urlopen(f"{url}/health/live") as answer:
            answer.read()
        waits.append(time.perf_counter() - began)
        time.sleep(0.02)
    print(*took, *waits)


if __name__ == "__main__":
    main(*sys.argv[1:])
