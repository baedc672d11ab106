// grpc-gateway with its generated handlers and its default options: grpc-gateway UPSTREAM LISTEN
package main

import (
	"context"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"protogate/bench/peers/shop"
)

func main() {
	mux := runtime.NewServeMux()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := shop.RegisterOrdersHandlerFromEndpoint(context.Background(), mux, os.Args[1], options); err != nil {
		panic(err)
	}
	panic(http.ListenAndServe(os.Args[2], mux))
}
