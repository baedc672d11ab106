"""The service Kinds, which behaves as ../go/kinds.go does."""

import threading

import grpc
from failures import not_found
from google.protobuf import message_factory

SEEN = {}
"""The facts that the server has seen of each call, by the call's name: the fields of a message Call."""


def method_handler(method):
    """Returns a function of (request or requests, context), which grpcio calls."""
    response_type = message_factory.GetMessageClass(method.output_type)

    def handle(request, context):
        call = Call(context, request if method.client_streaming else iter([request]), response_type)
        try:
            yield from act(method, call)
        finally:
            call.seen["cancelled"] = not context.is_active()

    def handle_get_call(request, context):
        if request.name not in SEEN:
            not_found(context, "call", request.name)
        return response_type(**SEEN[request.name])

    def handle_one(request, context):
        [response] = handle(request, context)
        return response

    if method.name == "GetCall":
        return handle_get_call
    return handle if method.server_streaming else handle_one


class Call:
    def __init__(self, context, requests, response_type):
        self.context = context
        self.requests = requests
        self.response_type = response_type
        self.seen = {"received": 0, "has_deadline": context.time_remaining() is not None}

    def receive(self):
        """Returns the next message; None when the client has ended its messages. Raises when the call is over."""
        message = next(self.requests, None)
        if message is None:
            self.seen["half_closed"] = True
            return None
        if self.seen["received"] == 0:
            self.name = message.name
            SEEN[self.name] = self.seen
        self.seen["received"] += 1
        return message

    def number(self, n):
        """Returns a message with a number."""
        if "n" in self.response_type.DESCRIPTOR.fields_by_name:
            return self.response_type(n=n)
        return self.response_type(content_type="text/x-lines", data=b"%d\n" % n)

    def copy_of(self, message):
        """Returns the answer with the content of a request message."""
        if "file" in message.DESCRIPTOR.fields_by_name:
            return message.file
        return self.response_type(n=message.n)


def act(method, call):
    first = call.receive()
    what = call.name.split("/")[1]
    if what == "success":
        if method.client_streaming and method.server_streaming:
            yield from echo(call, first)
        elif method.server_streaming:
            yield from (call.number(n) for n in (1, 2, 3))
        else:
            yield total(call, first)
    elif what == "refused":
        not_found(call.context, "case", call.name)
    elif what == "failing":
        if method.server_streaming:
            yield call.number(1)
        else:
            call.receive()
        not_found(call.context, "case", call.name)
    elif what == "hanging":
        if method.server_streaming:
            yield call.number(1)
        while call.receive() is not None:
            pass
        over = threading.Event()
        if call.context.add_callback(over.set):
            over.wait()
    elif what == "early":
        yield call.copy_of(first)
    else:
        call.context.abort(grpc.StatusCode.INVALID_ARGUMENT, call.name)


def echo(call, message):
    while message is not None:
        yield call.copy_of(message)
        message = call.receive()


def total(call, first):
    result = call.response_type()
    result.CopyFrom(call.copy_of(first))
    while (message := call.receive()) is not None:
        if "n" in message.DESCRIPTOR.fields_by_name:
            result.n += message.n
        else:
            result.data += message.file.data
    return result
