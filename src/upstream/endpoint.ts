/** An Endpoint is an address that can be connected to. A Transport opens its connections to one endpoint. */

export type Endpoint = TcpEndpoint | UnixEndpoint;

export interface TcpEndpoint {
  readonly kind: 'tcp';
  /** A name or an IP address; an IPv6 address has no brackets. */
  readonly host: string;
  readonly port: number;
}

export interface UnixEndpoint {
  readonly kind: 'unix';
  readonly path: string;
}

/**
 * Returns the value of `:authority`: `orders:50051`, `[::1]:50051`. For a Unix socket it is `localhost`, as in gRPC's own
 * libraries.
 */
export function authorityOf(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return 'localhost';
  const { host, port } = endpoint;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Returns the endpoint as log and metrics show it: `orders:50051`, `unix:/run/orders.sock`. */
export function endpointText(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? `unix:${endpoint.path}` : authorityOf(endpoint);
}
