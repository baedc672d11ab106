package main

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

func fill(message *dynamicpb.Message, json string) error {
	return protojson.Unmarshal([]byte(json), message)
}

func field(message *dynamicpb.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return message.Descriptor().Fields().ByName(name)
}

func text(message *dynamicpb.Message, name protoreflect.Name) string {
	return message.Get(field(message, name)).String()
}

func set(message *dynamicpb.Message, name protoreflect.Name, value any) {
	message.Set(field(message, name), protoreflect.ValueOf(value))
}

func notFound(resourceType, name string) error {
	failure, err := status.New(codes.NotFound, name+" not found").WithDetails(
		&errdetails.ResourceInfo{ResourceType: resourceType, ResourceName: name})
	if err != nil {
		return err
	}
	return failure.Err()
}
