// vanguard in front of a reverse proxy, as its documentation shows: vanguard UPSTREAM LISTEN
package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"

	"connectrpc.com/vanguard"
	"golang.org/x/net/http2"

	_ "protogate/bench/peers/shop"
)

func main() {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: os.Args[1]})
	dial := func(_ context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
		return net.Dial(network, address)
	}
	proxy.Transport = &http2.Transport{AllowHTTP: true, DialTLSContext: dial}
	proxy.FlushInterval = -1
	service := vanguard.NewService("shop.v1.Orders", proxy,
		vanguard.WithTargetProtocols(vanguard.ProtocolGRPC), vanguard.WithTargetCodecs("proto"))
	transcoder, err := vanguard.NewTranscoder([]*vanguard.Service{service})
	if err != nil {
		panic(err)
	}
	panic(http.ListenAndServe(os.Args[2], transcoder))
}
