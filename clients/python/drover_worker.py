"""The worker's side of drover's pools, for Python 3.8 and later, in one file: copy it, or put its folder on the path.

    import drover_worker

    def handle(request):
        return request.upper()

    drover_worker.serve(handle)

It speaks ``frames`` and ``process-pool``, and knows the two apart; ``lines`` must be asked for. The protocols are described byte for byte
in drover's docs/protocol.md.
"""

import io
import json
import os
import sys
import threading
import traceback

__all__ = ["serve"]

_HELLO, _REQUEST, _CANCEL, _PING = 16, 17, 18, 19
_READY, _RESULT, _ERROR, _OUTPUT, _PONG = 1, 2, 3, 4, 5
_NONE, _JSON, _TEXT, _BYTES = 0, 1, 2, 3


def serve(handle, exit=None, protocol="auto"):
    """Answers requests from standard input until the pool asks this process to exit, or its input ends; then exits.

    With ``frames`` the handler gets what was sent and what it returns is the answer: None, strings, bytes, and what the json module can
    write. What it raises is told to who asked, and the worker goes on. With ``process-pool`` the answer is what it printed, followed by what
    it returned; what it raises ends the worker. With ``lines`` it gets and returns a line.

    Standard output belongs to the protocol from now on: what is printed (print, sys.stdout, sys.stderr) comes to the pool as the output of
    the request. What programs print that inherit standard output comes as standard error.

    :param handle: a function that handles one request
    :param exit: a function that is called once before the worker exits because it was asked to; what it prints is told as well
    :param protocol: ``auto``, ``frames``, ``lines`` or ``process-pool``
    :raises ValueError: for an unknown protocol
    :raises TypeError: when ``handle`` is no function
    """
    sides = {"frames": _Frames, "lines": _Lines, "process-pool": _ProcessPool}
    if protocol != "auto" and protocol not in sides:
        raise ValueError(f"there is no protocol {protocol!r}; known are auto, {', '.join(sides)}")
    if not callable(handle):
        raise TypeError(f"handle has to be a function that takes a request, not {handle!r}")
    output = _take_output()
    source = _Source()
    if protocol == "auto":
        # A frame begins with a length below 2^24, and so with a 0; the other protocol with a digit.
        protocol = "frames" if source.peek() in (b"\0", b"") else "process-pool"
    side = sides[protocol](handle, output)
    side.run(source)
    status = 0
    if exit is not None:
        try:
            side.goodbye(exit)
        except BaseException:
            _complain(traceback.format_exc())
            status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # What threads of a handler's are left would keep a usual end waiting.
    os._exit(status)


def _take_output():
    """Takes standard output for the protocol. Descriptor 1 leads to standard error from then on, also for programs that inherit it."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    return own


def _complain(text):
    os.write(2, text.encode("utf-8", "replace"))


class _Source:
    """Standard input, read as it comes."""

    def __init__(self):
        self._chunk = b""
        self._at = 0
        self._ended = False

    def _more(self):
        if self._ended:
            return False
        self._chunk = os.read(0, 65536)
        self._at = 0
        self._ended = self._chunk == b""
        return not self._ended

    def peek(self):
        if self._at == len(self._chunk) and not self._more():
            return b""
        return self._chunk[self._at : self._at + 1]

    def take(self, count):
        """So many bytes; None when the input ends before."""
        if len(self._chunk) - self._at >= count:
            self._at += count
            return self._chunk[self._at - count : self._at]
        pieces = [self._chunk[self._at :]]
        missing = count - len(pieces[0])
        self._at = len(self._chunk)
        while missing > 0:
            if not self._more():
                return None
            piece = self._chunk[:missing]
            self._at = len(piece)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def line(self):
        """A line without its end; None at the end of the input."""
        pieces = []
        while True:
            if self._at == len(self._chunk) and not self._more():
                return b"".join(pieces) if any(pieces) else None
            end = self._chunk.find(b"\n", self._at)
            pieces.append(self._chunk[self._at : len(self._chunk) if end < 0 else end])
            self._at = len(self._chunk) if end < 0 else end + 1
            if end >= 0:
                return b"".join(pieces)


class _Printed(io.RawIOBase):
    """Takes the place of a standard stream, and hands on what is printed."""

    def __init__(self, on_printed):
        super().__init__()
        self._on_printed = on_printed

    def writable(self):
        return True

    def write(self, chunk):
        chunk = bytes(chunk)
        if chunk:
            self._on_printed(chunk)
        return len(chunk)


def _stream(on_printed):
    return io.TextIOWrapper(_Printed(on_printed), encoding="utf-8", errors="surrogateescape", write_through=True)


class _Side:
    def __init__(self, handle, output):
        self._handle = handle
        self._output = output
        self._lock = threading.Lock()

    def write(self, *pieces):
        """Writes all of it, whatever other threads print meanwhile. There is nothing left to do when nobody reads any more."""
        with self._lock:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    try:
                        view = view[os.write(self._output, view) :]
                    except BrokenPipeError:
                        os._exit(0)


class _Frames(_Side):
    def __init__(self, handle, output):
        super().__init__(handle, output)
        self._request = 0
        sys.stdout = _stream(lambda chunk: self._print(1, chunk))
        sys.stderr = _stream(lambda chunk: self._print(2, chunk))

    def run(self, source):
        while True:
            head = source.take(9)
            if head is None:
                return
            kind, number = head[4], int.from_bytes(head[5:], "big")
            payload = source.take(int.from_bytes(head[:4], "big") - 5)
            if payload is None:
                return
            if kind == _HELLO:
                self._frame(_READY, 0, b'{"protocol":1,"codecs":[],"concurrency":1}')
            elif kind == _REQUEST:
                self._answer(number, payload)
            elif kind == _PING:
                self._frame(_PONG, number)
            elif kind != _CANCEL:
                return

    def goodbye(self, exit):
        self._request = 0
        exit()

    def _answer(self, number, payload):
        self._request = number
        try:
            kind, value = _RESULT, _encode(self._handle(_decode(payload)))
        except Exception as error:
            kind, value = _ERROR, _describe(error)
        sys.stdout.flush()
        sys.stderr.flush()
        self._request = 0
        self._frame(kind, number, value)

    def _print(self, stream, chunk):
        self._frame(_OUTPUT, self._request, bytes([stream]) + chunk)

    def _frame(self, kind, number, payload=b""):
        length = (len(payload) + 5).to_bytes(4, "big")
        self.write(length + bytes([kind]) + number.to_bytes(4, "big"), payload)


def _decode(value):
    codec, rest = value[0], value[1:]
    if codec == _NONE:
        return None
    if codec == _JSON:
        return json.loads(rest)
    if codec == _TEXT:
        return rest.decode("utf-8", "surrogatepass")
    if codec == _BYTES:
        return rest
    raise ValueError(f"a value in a form that Python cannot read: codec {codec}")


def _encode(value):
    if value is None:
        return bytes([_NONE])
    if isinstance(value, str):
        return bytes([_TEXT]) + value.encode("utf-8", "replace")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes([_BYTES]) + bytes(value)
    return bytes([_JSON]) + json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _describe(error):
    fields = {"name": type(error).__name__, "message": str(error), "stack": "".join(_traceback(error))}
    code = getattr(error, "code", None) or getattr(error, "errno", None)
    if code is not None:
        fields["code"] = str(code)
    return json.dumps(fields).encode()


def _traceback(error):
    return traceback.format_exception(type(error), error, error.__traceback__)


class _ProcessPool(_Side):
    def __init__(self, handle, output):
        super().__init__(handle, output)
        self._printed = []
        sys.stdout = _stream(self._printed.append)

    def run(self, source):
        while True:
            head = source.line()
            if head is None or head == b"0;":
                return
            if not (head.startswith(b"1;") and head[2:].isdigit()):
                _complain(f"expected 1;<bytes> or 0; from the pool, not {head[:80]!r}\n")
                os._exit(1)
            data = source.take(int(head[2:]))
            if data is None:
                return
            self._answer(data)

    def goodbye(self, exit):
        try:
            exit()
        finally:
            sys.stdout.flush()
            if self._printed:
                self._say(b"".join(self._printed))

    def _answer(self, data):
        try:
            value = self._handle(data.decode("utf-8", "surrogateescape"))
        except Exception:
            _complain(traceback.format_exc())
            os._exit(1)
        sys.stdout.flush()
        printed = b"".join(self._printed)
        self._printed.clear()
        self._say(printed + _text_of(value))

    def _say(self, answer):
        self.write(str(len(answer)).encode() + b";", answer)


def _text_of(value):
    if value is None:
        return b""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogateescape")


class _Lines(_Side):
    def __init__(self, handle, output):
        super().__init__(handle, output)
        sys.stdout = sys.stderr

    def run(self, source):
        for line in iter(source.line, None):
            try:
                answer = _text_of(self._handle(line.decode("utf-8", "surrogateescape")))
            except Exception:
                traceback.print_exc()
                answer = b""
            sys.stderr.flush()
            self.write(answer.replace(b"\n", b" ") + b"\n")

    def goodbye(self, exit):
        exit()
