/** An Endpoint is an address that can be connected to: a Transport opens connections to one, and knows of no other. */

export type Endpoint = TcpEndpoint | UnixEndpoint;

export interface TcpEndpoint {
  readonly kind: 'tcp';
  /** A name, or an IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface UnixEndpoint {
  readonly kind: 'unix';
  readonly path: string;
}

/** What stands in `:authority`: `orders:50051`, `[::1]:50051`; of a socket in the file system `localhost`, as gRPC has it. */
export function authorityOf(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return 'localhost';
  const { host, port } = endpoint;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
