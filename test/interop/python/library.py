"""The service Library, which answers as ../go/library.go does."""

import time

import grpc
from failures import fail, not_found
from google.protobuf import json_format, message_factory
from google.rpc import code_pb2, error_details_pb2


def get_shelf(request, response, context):
    if request.name == "shelves/1":
        json_format.ParseDict(
            {
                "name": "shelves/1",
                "theme": 'Käse & "Wein" 🧀',
                "capacity": "9007199254740993",
                "kind": "KIND_OPEN",
                "tags": ["a", ""],
                "counts": {"x": -1, "": 2},
                "createTime": "2024-02-29T12:00:00.000000001Z",
                "heightMetres": 1.5,
                "stamp": "AP8=",
                "note": "",
            },
            response,
        )
    elif request.name == "shelves/slow":
        while context.is_active():
            time.sleep(0.02)
    elif request.name == "shelves/timed":
        left = context.time_remaining()
        response.note = f"deadline {str(left is not None and left < 60).lower()}"
    elif request.name == "shelves/broken":
        context.abort(grpc.StatusCode.INTERNAL, "secret at 10.0.0.1")
    elif request.name == "shelves/panic":
        raise RuntimeError("not a status: 10.0.0.1")
    elif request.name != "shelves/empty":
        not_found(context, "shelf", request.name)


def create_shelf(request, response, context):
    if request.shelf_id == "1":
        context.abort(grpc.StatusCode.ALREADY_EXISTS, "shelves/1 exists")
    if request.shelf.theme == "":
        detail = error_details_pb2.BadRequest()
        detail.field_violations.add(field="shelf.theme", description="required")
        fail(context, code_pb2.INVALID_ARGUMENT, "theme is required", detail)
    response.CopyFrom(request.shelf)
    response.name = f"shelves/{request.shelf_id}"


def list_shelves(request, response, context):
    for number in range(1, min(request.page_size, 3) + 1):
        response.shelves.add(name=f"shelves/{number}", theme=request.theme)
    if 0 < request.page_size < 3:
        response.next_page_token = "more"


def update_shelf(request, response, context):
    response.CopyFrom(request.shelf)
    response.note = ",".join(request.update_mask.paths)


def delete_shelf(request, response, context):
    if request.name == "shelves/locked":
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "shelves/locked is locked")
    if request.name != "shelves/1":
        not_found(context, "shelf", request.name)


HANDLERS = {
    "GetShelf": get_shelf,
    "CreateShelf": create_shelf,
    "ListShelves": list_shelves,
    "UpdateShelf": update_shelf,
    "DeleteShelf": delete_shelf,
}


def method_handler(method):
    response_type = message_factory.GetMessageClass(method.output_type)

    def handle(request, context):
        for key, value in context.invocation_metadata():
            if key == "x-tenant":
                context.send_initial_metadata([("x-tenant", value), ("x-raw-bin", b"\x00\xff")])
                context.set_trailing_metadata([("x-served", "yes")])
        response = response_type()
        HANDLERS[method.name](request, response, context)
        return response

    return handle
