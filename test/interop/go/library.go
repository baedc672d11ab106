package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

type handler func(ctx context.Context, request, response *dynamicpb.Message) error

// Makes from the descriptor the grpc.ServiceDesc that protoc-gen-go-grpc would generate.
func describeLibrary(service protoreflect.ServiceDescriptor) *grpc.ServiceDesc {
	handlers := map[protoreflect.Name]handler{
		"GetShelf":    getShelf,
		"CreateShelf": createShelf,
		"ListShelves": listShelves,
		"UpdateShelf": updateShelf,
		"DeleteShelf": deleteShelf,
	}
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName()), HandlerType: (*any)(nil)}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		handle := handlers[method.Name()]
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: string(method.Name()),
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				request := dynamicpb.NewMessage(method.Input())
				if err := decode(request); err != nil {
					return nil, err
				}
				echoTenant(ctx)
				response := dynamicpb.NewMessage(method.Output())
				return response, handle(ctx, request, response)
			},
		})
	}
	return desc
}

// Sends the caller's x-tenant back in the headers, with a binary value beside it and a mark in the trailers.
func echoTenant(ctx context.Context) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	for _, tenant := range incoming.Get("x-tenant") {
		grpc.SetHeader(ctx, metadata.Pairs("x-tenant", tenant, "x-raw-bin", "\x00\xff"))
		grpc.SetTrailer(ctx, metadata.Pairs("x-served", "yes"))
	}
}

func getShelf(ctx context.Context, request, response *dynamicpb.Message) error {
	switch name := text(request, "name"); name {
	case "shelves/1":
		return fill(response, `{"name": "shelves/1", "theme": "Käse & \"Wein\" 🧀", "capacity": "9007199254740993",
			"kind": "KIND_OPEN", "tags": ["a", ""], "counts": {"x": -1, "": 2}, "createTime": "2024-02-29T12:00:00.000000001Z",
			"heightMetres": 1.5, "stamp": "AP8=", "note": ""}`)
	case "shelves/empty":
		return nil
	case "shelves/slow":
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	case "shelves/timed":
		deadline, ok := ctx.Deadline()
		return fill(response, fmt.Sprintf(`{"note": "deadline %t"}`, ok && time.Until(deadline) < time.Minute))
	case "shelves/broken":
		return status.Error(codes.Internal, "secret at 10.0.0.1")
	case "shelves/panic":
		return fmt.Errorf("not a status: 10.0.0.1")
	default:
		return notFound("shelf", name)
	}
}

func createShelf(_ context.Context, request, response *dynamicpb.Message) error {
	id := text(request, "shelf_id")
	shelf := request.Get(field(request, "shelf")).Message()
	if id == "1" {
		return status.Error(codes.AlreadyExists, "shelves/1 exists")
	}
	if shelf.Get(shelf.Descriptor().Fields().ByName("theme")).String() == "" {
		failure, _ := status.New(codes.InvalidArgument, "theme is required").WithDetails(&errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "shelf.theme", Description: "required"}},
		})
		return failure.Err()
	}
	proto.Merge(response, shelf.Interface())
	set(response, "name", "shelves/"+id)
	return nil
}

func listShelves(_ context.Context, request, response *dynamicpb.Message) error {
	size := int(request.Get(field(request, "page_size")).Int())
	var shelves []string
	for i := 1; i <= min(size, 3); i++ {
		shelves = append(shelves, fmt.Sprintf(`{"name": "shelves/%d", "theme": %s}`, i, strconv.Quote(text(request, "theme"))))
	}
	token := ""
	if size > 0 && size < 3 {
		token = "more"
	}
	return fill(response, fmt.Sprintf(`{"shelves": [%s], "nextPageToken": "%s"}`, strings.Join(shelves, ","), token))
}

func updateShelf(_ context.Context, request, response *dynamicpb.Message) error {
	proto.Merge(response, request.Get(field(request, "shelf")).Message().Interface())
	mask := request.Get(field(request, "update_mask")).Message()
	paths := mask.Get(mask.Descriptor().Fields().ByName("paths")).List()
	var names []string
	for i := range paths.Len() {
		names = append(names, paths.Get(i).String())
	}
	set(response, "note", strings.Join(names, ","))
	return nil
}

func deleteShelf(_ context.Context, request, _ *dynamicpb.Message) error {
	switch name := text(request, "name"); name {
	case "shelves/1":
		return nil
	case "shelves/locked":
		return status.Error(codes.FailedPrecondition, "shelves/locked is locked")
	default:
		return notFound("shelf", name)
	}
}
