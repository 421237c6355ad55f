"""The other side of `workers`: a process that does what it is sent, until nobody sends any more."""

import os
import pickle
import signal
import sys
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO


def serve() -> None:
    """Answer each request from standard input on standard output; end at once when whoever sends them is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-c reaches the whole group; the parent decides what it means
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not come between the answers
    requests: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        pickle.dump(_answer(requests.get()), answers)
        answers.flush()


def _listen(stream: BinaryIO, requests: "SimpleQueue[bytes]") -> None:
    """Hand on what comes in; the end of the stream is the end of the parent, and of this process in mid-work."""
    try:
        while True:
            requests.put(pickle.load(stream))
    finally:  # whatever it was: the parent may have died in the middle of a request
        os._exit(0)


def _answer(request: bytes) -> tuple[bool, object]:
    """Return whether the work went well, and its result or its error."""
    try:
        function, arguments = pickle.loads(request)
        return True, function(*arguments)
    except Exception as error:
        return False, error


if __name__ == "__main__":
    serve()
