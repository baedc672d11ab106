/**
 * What may stand as an upstream's target:
 *
 *     10.0.0.1:50051   orders:50051   [::1]:50051   dns:///orders:50051   unix:/run/orders.sock
 *     orders           refused: gRPC libraries would take port 443 without a word
 *     http://orders    refused: a target is no URL
 */

export const TARGET_FORMS = 'HOST:PORT, dns:///HOST:PORT or unix:/PATH';

/** Why `target` is none, as `expected …, got …`; undefined if it is one. */
export function targetProblem(target: string): string | undefined {
  if (/^unix:.+/.test(target)) return undefined;
  const address = target.replace(/^dns:(\/\/[^/]*\/)?/, '');
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[1]);
  if (match !== null && port >= 1 && port <= 65_535) return undefined;
  return `expected ${TARGET_FORMS}, got '${target}'`;
}
