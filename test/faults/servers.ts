/** Starts the servers of an upstream as processes, and counts the calls that they get. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithThis } from './gateway.js';

/** How a server answers: as it should, with UNAVAILABLE, or 5 seconds late. */
export type Mode = 'well' | 'unavailable' | 'slow';

export type FromServer = { readonly port: number } | { readonly got: number } | { readonly made: string };

export interface FaultServer {
  readonly target: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** How many calls of any kind have come. */
  calls: number;
  answer(mode: Mode): void;
  stop(): Promise<void>;
}

/** Counts how often the servers got a POST, by its id. */
export class Posts {
  private readonly counts = new Map<string, number>();

  note(id: string): void {
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
  }

  /** How many POSTs came more than once. */
  get twice(): number {
    return [...this.counts.values()].filter((count) => count > 1).length;
  }

  get size(): number {
    return this.counts.size;
  }
}

/** Starts a server on an address of its own, 127.0.0.2 and up, so that several can have the same port. */
export async function startServer(index: number, posts: Posts, port = 0): Promise<FaultServer> {
  const host = `127.0.0.${index + 2}`;
  const child = fork(fileURLToPath(new URL('./server.js', import.meta.url)), [host, String(port)]);
  endWithThis(child);
  const listening = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    child.on('message', (message: FromServer) => {
      if ('port' in message) resolve(message.port);
      else server.calls++;
      if ('made' in message) posts.note(message.made);
    });
  });
  const server: FaultServer = {
    target: `${host}:${listening}`,
    port: listening,
    child,
    calls: 0,
    answer: (mode) => void child.send(mode),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
  return server;
}
