"""Errors with details."""

from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status


def not_found(context, resource_type, name):
    detail = error_details_pb2.ResourceInfo(resource_type=resource_type, resource_name=name)
    fail(context, code_pb2.NOT_FOUND, f"{name} not found", detail)


def fail(context, code, message, detail):
    packed = any_pb2.Any()
    packed.Pack(detail)
    context.abort_with_status(rpc_status.to_status(status_pb2.Status(code=code, message=message, details=[packed])))
