/** Starts the load generator of this folder beside the gateway, and gives it tasks. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Result, Task } from './generator.js';

export type Load = Omit<Task, 'request'> & {
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export interface Generator {
  /** Rejects if a request failed. */
  run(load: Load): Promise<Result>;
  stop(): void;
}

/** The process begins on the core of this one. */
export function startGenerator(): Generator {
  const child: ChildProcess = fork(fileURLToPath(new URL('./generator.js', import.meta.url)));
  return {
    async run({ path, body, headers = {}, ...task }) {
      const lines = [
        `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`,
        ...Object.entries({ host: `127.0.0.1:${task.port}`, ...headers }).map(([name, value]) => `${name}: ${value}`),
        ...(body === undefined ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`]),
      ];
      const request = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`).toString('base64');
      child.send({ ...task, request } satisfies Task);
      const [result] = (await once(child, 'message')) as [Result];
      if (result.requests === 0 || result.failures > 0)
        throw new Error(`expected only answers of 200, got ${result.failures} failures of ${result.requests} requests`);
      return result;
    },
    stop: () => void child.kill(),
  };
}
