import { InvalidArgumentError } from 'commander';

/** Returns the value of a `--port` flag, which is 0 to 65535. 0 means any free port. Throws for any other text. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError(`expected a port from 0 to 65535, got '${text}'.`);
}
