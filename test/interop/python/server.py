"""The interop suite's library service on grpcio: prints its address, serves until it is killed.

    python server.py IMPORT_DIR...

The proto is compiled when it starts (protoc of grpcio-tools) and messages are made from the descriptors, so there is no
generated code to keep. It answers as ../go/main.go does.
"""

import importlib.resources
import sys
import tempfile
import time
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, json_format, message_factory
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from grpc_tools import protoc


def load_service(import_dirs):
    """Descriptor of library.v1.Library."""
    well_known = str(importlib.resources.files("grpc_tools") / "_proto")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.binpb"
        paths = [f"-I{path}" for path in [well_known, *import_dirs]]
        args = ["protoc", *paths, "--include_imports", f"--descriptor_set_out={out}", "library/v1/library.proto"]
        if protoc.main(args) != 0:
            sys.exit("protoc failed")
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return pool.FindServiceByName("library.v1.Library")


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
        not_found(context, request.name)


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
        not_found(context, request.name)


def not_found(context, name):
    detail = error_details_pb2.ResourceInfo(resource_type="shelf", resource_name=name)
    fail(context, code_pb2.NOT_FOUND, f"{name} not found", detail)


def fail(context, code, message, detail):
    packed = any_pb2.Any()
    packed.Pack(detail)
    context.abort_with_status(rpc_status.to_status(status_pb2.Status(code=code, message=message, details=[packed])))


HANDLERS = {
    "GetShelf": get_shelf,
    "CreateShelf": create_shelf,
    "ListShelves": list_shelves,
    "UpdateShelf": update_shelf,
    "DeleteShelf": delete_shelf,
}


def method_handler(method):
    request_type = message_factory.GetMessageClass(method.input_type)
    response_type = message_factory.GetMessageClass(method.output_type)

    def handle(request, context):
        for key, value in context.invocation_metadata():
            if key == "x-tenant":
                context.send_initial_metadata([("x-tenant", value), ("x-raw-bin", b"\x00\xff")])
                context.set_trailing_metadata([("x-served", "yes")])
        response = response_type()
        HANDLERS[method.name](request, response, context)
        return response

    return grpc.unary_unary_rpc_method_handler(handle, request_type.FromString, response_type.SerializeToString)


def main():
    service = load_service(sys.argv[1:])
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    handlers = {method.name: method_handler(method) for method in service.methods}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service.full_name, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
