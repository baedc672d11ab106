/**
 * A gRPC server in a process of its own that does what the scenario says, and counts what it gets. It is cheap, so that it
 * does not become the slowest part at a thousand calls a second.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { KeyAndCertificate } from '../support/certificates.js';
import type { Answered, Asked, Behaviour, Counts, Posted } from './service-process.js';

export interface Service {
  /** `127.0.0.1:PORT`. */
  readonly target: string;
  readonly pid: number;
  /** Starts one more server in the same process, so that the two do not compete for a core. Returns its target. */
  readonly another: () => Promise<string>;
  readonly behave: (behaviour: Behaviour) => Promise<void>;
  /** Returns what came since the last time, and begins to count anew. */
  readonly counts: () => Promise<Counts>;
  readonly stop: () => Promise<void>;
}

export interface ServiceOptions {
  /** The port. With 0 the system chooses a free one. */
  readonly port?: number;
  /** If it is given, the server uses TLS, and asks clients for a certificate of this authority. */
  readonly tls?: KeyAndCertificate & { readonly ca: Buffer };
  /** Called with the request of each POST when it comes. */
  readonly onPost?: (request: string) => void;
}

export async function startService(
  behaviour: Behaviour,
  { port = 0, tls, onPost }: ServiceOptions = {},
): Promise<Service> {
  const child = fork(fileURLToPath(new URL('./service-process.js', import.meta.url)), { serialization: 'advanced' });
  const end = () => void child.kill('SIGKILL');
  process.on('exit', end);
  const exited = once(child, 'exit').then(() => process.off('exit', end));
  child.on('message', (message: Answered | Posted) => 'post' in message && onPost?.(message.post));
  const start = async (port: number) => {
    const started = await ask(child, { kind: 'start', port, tls, behaviour, tellsPosts: onPost !== undefined });
    return `127.0.0.1:${started.port}`;
  };
  return {
    target: await start(port),
    pid: child.pid!,
    another: () => start(0),
    behave: async (behaviour) => void (await ask(child, { kind: 'behave', behaviour })),
    counts: async () => (await ask(child, { kind: 'count' })).counts!,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

let asked = 0;

/** The answers may come in any order. */
function ask(child: ChildProcess, question: Asked['question']): Promise<Answered> {
  const id = asked++;
  return new Promise((resolve, reject) => {
    const onMessage = (answered: Answered) => {
      if (answered.id !== id) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(answered);
    };
    const onExit = () => reject(new Error('the service ended'));
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.send({ id, question } satisfies Asked);
  });
}
