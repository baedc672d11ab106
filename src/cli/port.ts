import { InvalidArgumentError } from 'commander';

/** The value of a `--port`: 0 (any free one) to 65535. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError(`expected a port from 0 to 65535, got '${text}'.`);
}
