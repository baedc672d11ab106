/** The process of a scenario's service: a gRPC server on plain HTTP/2 whose every method answers alike. */
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export type Behaviour =
  /** Answers after `delayMs`. One of `every` calls takes `slowMs` instead. */
  | {
      readonly kind: 'answer';
      readonly delayMs?: number;
      readonly slow?: { readonly every: number; readonly ms: number };
    }
  | { readonly kind: 'status'; readonly code: number; readonly delayMs?: number }
  /** Never answers. */
  | { readonly kind: 'hang' };

export interface Counts {
  readonly calls: number;
  /** The most calls that were running at once. */
  readonly mostAtOnce: number;
  /** The most calls with the same request message. */
  readonly mostAlike: number;
  /** The calls of each certificate that clients showed, by its serial number. */
  readonly certificates: ReadonlyMap<string, number>;
}

export interface Asked {
  readonly id: number;
  readonly question:
    | {
        readonly kind: 'start';
        readonly port: number;
        readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } | undefined;
        readonly behaviour: Behaviour;
        /** True if each POST is reported when it comes, so that those of a process that is killed are known. */
        readonly tellsPosts: boolean;
      }
    | { readonly kind: 'behave'; readonly behaviour: Behaviour }
    | { readonly kind: 'count' };
}

/** The request of a POST that has come. */
export interface Posted {
  readonly post: string;
}

export interface Answered {
  readonly id: number;
  readonly port?: number;
  readonly counts?: Counts;
}

const HEAD = { ':status': 200, 'content-type': 'application/grpc' };
/** A Reply with the text `got`. */
const REPLY = Buffer.from([0, 0, 0, 0, 5, 0x0a, 3, 0x67, 0x6f, 0x74]);

/** A HealthCheckResponse that says SERVING. */
const HEALTHY = Buffer.from([0, 0, 0, 0, 2, 8, 1]);

let behaviour: Behaviour = { kind: 'answer' };
let tellsPosts = false;
let running = 0;
let number = 0;
let calls = 0;
let mostAtOnce = 0;
let alike = new Map<string, number>();
let certificates = new Map<string, number>();

process.on('message', async ({ id, question }: Asked) => {
  if (question.kind === 'count') {
    const mostAlike = Math.max(0, ...alike.values());
    process.send!({ id, counts: { calls, mostAtOnce, mostAlike, certificates } } satisfies Answered);
    calls = 0;
    mostAtOnce = running;
    alike = new Map();
    certificates = new Map();
    return;
  }
  behaviour = question.behaviour;
  if (question.kind === 'behave') return process.send!({ id } satisfies Answered);
  const { tls, port } = question;
  tellsPosts = question.tellsPosts;
  const server: Http2Server = tls === undefined ? createServer() : createSecureServer({ ...tls, requestCert: true });
  server.on('stream', (stream, { ':path': path }) => void serve(stream, path));
  server.on('session', (session) => void session.on('error', () => {}));
  server.listen(port, '127.0.0.1', () =>
    process.send!({ id, port: (server.address() as AddressInfo).port } satisfies Answered),
  );
});

async function serve(stream: ServerHttp2Stream, path: string | undefined): Promise<void> {
  if (path === '/grpc.health.v1.Health/Check') return succeed(stream, HEALTHY);
  calls++;
  running++;
  mostAtOnce = Math.max(mostAtOnce, running);
  const mine = number++;
  stream.on('error', () => {});
  stream.once('close', () => running--);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const message = Buffer.concat(chunks).toString('latin1');
    alike.set(message, (alike.get(message) ?? 0) + 1);
    if (tellsPosts && path?.endsWith('/Make')) process.send!({ post: message } satisfies Posted);
  });
  // The socket of a session is a proxy, for which `in` finds nothing.
  const shown = (stream.session!.socket as Partial<TLSSocket>).getPeerCertificate?.();
  if (shown !== undefined) {
    const { serialNumber = 'none' } = shown;
    certificates.set(serialNumber, (certificates.get(serialNumber) ?? 0) + 1);
  }
  const now = behaviour;
  if (now.kind === 'hang') return;
  const isSlow = now.kind === 'answer' && now.slow !== undefined && mine % now.slow.every === 0;
  const delayMs = isSlow ? now.slow.ms : (now.delayMs ?? 0);
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (stream.destroyed || stream.closed) return;
  if (now.kind === 'status') {
    stream.respond({ ...HEAD, 'grpc-status': String(now.code), 'grpc-message': 'no' }, { endStream: true });
    return;
  }
  succeed(stream, REPLY);
}

function succeed(stream: ServerHttp2Stream, reply: Buffer): void {
  stream.respond(HEAD, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(reply);
}
