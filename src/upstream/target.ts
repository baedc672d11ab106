/**
 * Parses the target of an upstream into its endpoint:
 *
 *     10.0.0.1:50051   orders:50051   [::1]:50051   dns:///orders:50051   unix:/run/orders.sock
 *     orders           refused: gRPC libraries would silently use port 443
 *     http://orders    refused: a target is no URL
 */
import type { Endpoint } from './endpoint.js';

export const TARGET_FORMS = 'HOST:PORT, dns:///HOST:PORT or unix:/PATH';

/** Returns what is wrong with `target`, as `expected …, got …`; undefined when it is valid. */
export function targetProblem(target: string): string | undefined {
  return parse(target) === undefined ? `expected ${TARGET_FORMS}, got '${target}'` : undefined;
}

/** Returns the endpoint of a target. Throws a TypeError if the target is invalid. */
export function endpointOf(target: string): Endpoint {
  const endpoint = parse(target);
  if (endpoint === undefined) throw new TypeError(targetProblem(target));
  return endpoint;
}

function parse(target: string): Endpoint | undefined {
  const path = /^unix:(?:\/\/(?=\/))?(.+)$/.exec(target)?.[1];
  if (path !== undefined) return { kind: 'unix', path };
  const address = target.replace(/^dns:(\/\/[^/]*\/)?/, '');
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]*))):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port >= 1 && port <= 65_535 ? { kind: 'tcp', host, port } : undefined;
}
