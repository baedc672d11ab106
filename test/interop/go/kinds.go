package main

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Registers every rpc as a stream: grpc-go accepts a unary rpc as a stream of one message.
func describeKinds(service protoreflect.ServiceDescriptor) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName()), HandlerType: (*any)(nil)}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		desc.Streams = append(desc.Streams, grpc.StreamDesc{
			StreamName:    string(method.Name()),
			ServerStreams: true,
			ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error {
				if method.Name() == "GetCall" {
					return tellSeen(method, stream)
				}
				call := &call{ServerStream: stream, method: method}
				defer call.note(func(seen *seen) { seen.cancelled = stream.Context().Err() != nil })
				return call.act()
			},
		})
	}
	return desc
}

type call struct {
	grpc.ServerStream
	method protoreflect.MethodDescriptor
	// The name in its first message.
	name string
}

func (call *call) act() error {
	first, err := call.receive()
	if err != nil {
		return err
	}
	streamsUp, streamsBack := call.method.IsStreamingClient(), call.method.IsStreamingServer()
	switch strings.Split(call.name, "/")[1] {
	case "success":
		switch {
		case streamsUp && streamsBack:
			return call.echo(first)
		case streamsBack:
			return call.count()
		default:
			return call.sum(first)
		}
	case "refused":
		return notFound("case", call.name)
	case "failing":
		if streamsBack {
			call.say(1)
		} else if _, err := call.receive(); err != nil {
			return err
		}
		return notFound("case", call.name)
	case "hanging":
		if streamsBack {
			call.say(1)
		}
		for err == nil && streamsUp {
			_, err = call.receive()
		}
		<-call.Context().Done()
		return status.FromContextError(call.Context().Err()).Err()
	case "early":
		return call.SendMsg(call.copyOf(first))
	default:
		return status.Error(codes.InvalidArgument, call.name)
	}
}

func (call *call) count() error {
	for n := range 3 {
		if err := call.say(n + 1); err != nil {
			return err
		}
	}
	return nil
}

func (call *call) echo(message *dynamicpb.Message) error {
	for {
		if err := call.SendMsg(call.copyOf(message)); err != nil {
			return err
		}
		var err error
		if message, err = call.receive(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (call *call) sum(first *dynamicpb.Message) error {
	sum := call.copyOf(first)
	for call.method.IsStreamingClient() {
		message, err := call.receive()
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		add(sum, call.copyOf(message))
	}
	return call.SendMsg(sum)
}

// Returns the next message; io.EOF when the client has ended its messages.
func (call *call) receive() (*dynamicpb.Message, error) {
	message := dynamicpb.NewMessage(call.method.Input())
	err := call.RecvMsg(message)
	if err == nil && call.name == "" {
		call.name = text(message, "name")
	}
	call.note(func(seen *seen) {
		_, seen.hasDeadline = call.Context().Deadline()
		seen.halfClosed = err == io.EOF
		if err == nil {
			seen.received++
		}
	})
	return message, err
}

func (call *call) say(n int) error {
	message := dynamicpb.NewMessage(call.method.Output())
	if field(message, "n") != nil {
		set(message, "n", int32(n))
	} else {
		set(message, "content_type", "text/x-lines")
		set(message, "data", []byte(strconv.Itoa(n)+"\n"))
	}
	return call.SendMsg(message)
}

// Returns the answer with the content of a request message.
func (call *call) copyOf(message *dynamicpb.Message) *dynamicpb.Message {
	if file := field(message, "file"); file != nil {
		return message.Get(file).Message().Interface().(*dynamicpb.Message)
	}
	result := dynamicpb.NewMessage(call.method.Output())
	result.Set(field(result, "n"), message.Get(field(message, "n")))
	return result
}

func add(sum, message *dynamicpb.Message) {
	if data := field(sum, "data"); data != nil {
		set(sum, "data", append(sum.Get(data).Bytes(), message.Get(field(message, "data")).Bytes()...))
	} else {
		set(sum, "n", int32(sum.Get(field(sum, "n")).Int()+message.Get(field(message, "n")).Int()))
	}
}

// The facts that the server has seen of a call.
type seen struct {
	received                           int32
	halfClosed, hasDeadline, cancelled bool
}

var (
	mutex sync.Mutex
	calls = map[string]*seen{}
)

func (call *call) note(change func(*seen)) {
	mutex.Lock()
	defer mutex.Unlock()
	if call.name == "" {
		return
	}
	if calls[call.name] == nil {
		calls[call.name] = &seen{}
	}
	change(calls[call.name])
}

func tellSeen(method protoreflect.MethodDescriptor, stream grpc.ServerStream) error {
	request, response := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	name := text(request, "name")
	mutex.Lock()
	defer mutex.Unlock()
	seen := calls[name]
	if seen == nil {
		return notFound("call", name)
	}
	set(response, "received", seen.received)
	set(response, "half_closed", seen.halfClosed)
	set(response, "has_deadline", seen.hasDeadline)
	set(response, "cancelled", seen.cancelled)
	return stream.SendMsg(response)
}
