// The gRPC server behind all gateways of the comparison. It answers with bytes that were encoded once, so that it costs little.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"protogate/bench/peers/shop"
)

// An encoded message.
type encoded []byte

// Writes encoded messages as they are.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(message any) (mem.BufferSlice, error) {
	if bytes, ok := message.(encoded); ok {
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
	}
	bytes, err := proto.Marshal(message.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
}

func (codec) Unmarshal(data mem.BufferSlice, message any) error {
	return proto.Unmarshal(data.Materialize(), message.(proto.Message))
}

func order(items int) encoded {
	order := &shop.Order{
		Name: "orders/1234567", Customer: "customers/42", State: shop.State_STATE_PAID, At: 1763856000000,
		Labels: map[string]string{"region": "eu-west-1", "channel": "web"},
		Gift:   true, Kg: 1.25, Sum: []byte("0123456789abcdef"),
	}
	for i := range items {
		order.Items = append(order.Items, &shop.Item{
			Sku: "SKU-" + strconv.Itoa(1000+i), Quantity: int32(1 + i%7),
			Price: &shop.Money{CurrencyCode: "USD", Units: int64(19 + i), Nanos: 990000000},
			Title: fmt.Sprintf("A reasonably long product title number %d with \"quotes\"", i),
		})
	}
	bytes, err := proto.Marshal(order)
	if err != nil {
		panic(err)
	}
	return bytes
}

// Returns a method that reads its request and answers always the same.
func unary(name string, request func() proto.Message, answer encoded) grpc.MethodDesc {
	handler := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		if err := decode(request()); err != nil {
			return nil, err
		}
		return answer, nil
	}
	return grpc.MethodDesc{MethodName: name, Handler: handler}
}

func main() {
	encoding.RegisterCodecV2(codec{})
	small, big := order(3), order(2000)
	get := func() proto.Message { return &shop.Get{} }
	watch := func(_ any, stream grpc.ServerStream) error {
		request := &shop.Get{}
		if err := stream.RecvMsg(request); err != nil {
			return err
		}
		for range request.Count {
			if err := stream.SendMsg(small); err != nil {
				return err
			}
		}
		return nil
	}
	server := grpc.NewServer(
		grpc.MaxConcurrentStreams(100000), grpc.NumStreamWorkers(2),
		grpc.InitialWindowSize(1<<22), grpc.InitialConnWindowSize(1<<24),
	)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.v1.Orders",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			unary("GetOrder", get, small),
			unary("GetBig", get, big),
			unary("PutOrder", func() proto.Message { return &shop.Order{} }, small),
		},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, Handler: watch}},
	}, nil)
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	panic(server.Serve(listener))
}
