/** An Endpoint is an address that can be connected to. A Transport opens its connections to one endpoint. */
import { isIP } from 'node:net';

export type Endpoint = TcpEndpoint | UnixEndpoint;

export interface TcpEndpoint {
  readonly kind: 'tcp';
  /** A name or an IP address; an IPv6 address has no brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * The name whose lookup gave the address in `host`. The server is called by it, in `:authority` and in the check of its
   * certificate. Absent when the target has the address itself.
   */
  readonly name?: string;
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
  return endpoint.kind === 'unix' ? 'localhost' : hostPort(endpoint.name ?? endpoint.host, endpoint.port);
}

/**
 * Returns the name that a TLS connection asks for (SNI) and that the certificate must have. Undefined for an IP address
 * and for a Unix socket, which have no name.
 */
export function serverNameOf(endpoint: Endpoint): string | undefined {
  if (endpoint.kind === 'unix') return undefined;
  const name = endpoint.name ?? endpoint.host;
  return isIP(name) === 0 ? name : undefined;
}

/** Returns the address as operators see it in logs, metrics and health: `10.0.0.1:50051`, `unix:/run/orders.sock`. */
export function addressOf(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? `unix:${endpoint.path}` : hostPort(endpoint.host, endpoint.port);
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
