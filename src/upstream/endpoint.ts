/** An Endpoint is an address that can be connected to. A Transport opens its connections to one endpoint. */
import { isIP } from 'node:net';

export type Endpoint = TcpEndpoint | UnixEndpoint;

export interface TcpEndpoint {
  readonly kind: 'tcp';
  /** A host name or an IP address. An IPv6 address has no brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * The host name for which `host` was looked up. It is sent in `:authority`, and the certificate of the server must be for it.
   * Absent when the target of the upstream contains the address itself.
   */
  readonly name?: string;
}

export interface UnixEndpoint {
  readonly kind: 'unix';
  readonly path: string;
}

/**
 * Returns the value of the header `:authority`: `orders:50051`, `[::1]:50051`. For a Unix socket it is `localhost`, as in the
 * gRPC libraries.
 */
export function authorityOf(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? 'localhost' : hostPort(endpoint.name ?? endpoint.host, endpoint.port);
}

/**
 * Returns the host name that a TLS connection sends (SNI) and that the server's certificate must be for. Undefined for an IP
 * address and for a Unix socket, which have no host name.
 */
export function serverNameOf(endpoint: Endpoint): string | undefined {
  if (endpoint.kind === 'unix') return undefined;
  const name = endpoint.name ?? endpoint.host;
  return isIP(name) === 0 ? name : undefined;
}

/** Returns the address as logs, metrics and reports show it: `10.0.0.1:50051`, `unix:/run/orders.sock`. */
export function addressOf(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? `unix:${endpoint.path}` : hostPort(endpoint.host, endpoint.port);
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
