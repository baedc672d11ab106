// Runs the interop suite's services on grpc-go: prints its address, serves until it is killed. The protos are compiled when it
// starts (protocompile) and messages are dynamic, so there is no generated code to keep.
//
//	go run . IMPORT_DIR...
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func main() {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: os.Args[1:]}),
	}
	server := grpc.NewServer()
	server.RegisterService(describeLibrary(loadService(compiler, "library/v1/library.proto", "Library")), nil)
	server.RegisterService(describeKinds(loadService(compiler, "kinds/v1/kinds.proto", "Kinds")), nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	log.Fatal(server.Serve(listener))
}

func loadService(compiler protocompile.Compiler, file string, name protoreflect.Name) protoreflect.ServiceDescriptor {
	files, err := compiler.Compile(context.Background(), file)
	if err != nil {
		log.Fatal(err)
	}
	return files[0].Services().ByName(name)
}
