"""Runs the interop suite's services on grpcio: prints its address, serves until it is killed.

    python server.py IMPORT_DIR...

The protos are compiled when it starts (protoc of grpcio-tools) and messages are made from the descriptors, so there is no
generated code to keep. It answers as ../go/main.go does.
"""

import importlib.resources
import sys
import tempfile
from concurrent import futures
from pathlib import Path

import grpc
import kinds
import library
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc


def load_pool(import_dirs, *names):
    """Returns a descriptor pool with the files of these names and all files that they import."""
    well_known = str(importlib.resources.files("grpc_tools") / "_proto")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.binpb"
        paths = [f"-I{path}" for path in [well_known, *import_dirs]]
        if protoc.main(["protoc", *paths, "--include_imports", f"--descriptor_set_out={out}", *names]) != 0:
            sys.exit("protoc failed")
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return pool


def service_handler(service, method_handler):
    """Returns grpcio's handler of a service. `method_handler` makes the handler of each method from its descriptor."""
    ways = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    handlers = {}
    for method in service.methods:
        read = message_factory.GetMessageClass(method.input_type).FromString
        write = message_factory.GetMessageClass(method.output_type).SerializeToString
        way = ways[method.client_streaming, method.server_streaming]
        handlers[method.name] = way(method_handler(method), read, write)
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def main():
    pool = load_pool(sys.argv[1:], "library/v1/library.proto", "kinds/v1/kinds.proto")
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
    server.add_generic_rpc_handlers(
        [
            service_handler(pool.FindServiceByName("library.v1.Library"), library.method_handler),
            service_handler(pool.FindServiceByName("kinds.v1.Kinds"), kinds.method_handler),
        ]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
