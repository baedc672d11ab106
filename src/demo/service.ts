/**
 * Runs one gRPC service on a server of its own. Handlers are plain functions from request to response. If one throws a Refusal,
 * the client gets it as a status with `grpc-status-details-bin`.
 */
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Metadata, Server, ServerCredentials, type StatusObject, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Protos } from './protos.js';
import { Refusal } from './refusal.js';

/**
 * The handlers of a service, by method name: functions from request to response. The request is an AsyncIterable if the client
 * streams, and so is the response if the server streams; it must end when `signal` is aborted. Each handler declares its own
 * request type.
 */
export type Handlers = Readonly<Record<string, Handler>>;

type Handler = (request: never, signal: AbortSignal) => object | Promise<object> | AsyncIterable<object>;

/** A service that is listening. */
export interface RunningService {
  readonly target: string;
  close(): Promise<void>;
}

/** Starts one service at `address`, by default at any free port. There must be a handler for every method of the service. */
export async function startService(
  protos: Protos,
  name: string,
  handlers: Handlers,
  address = '127.0.0.1:0',
): Promise<RunningService> {
  const definition = protos.service(name);
  const implementation = Object.fromEntries(
    Object.keys(definition).map((method) => {
      const handler = handlers[method];
      if (handler === undefined) throw new Error(`${name}: expected a handler for ${method}`);
      const streams = definition[method]?.responseStream === true;
      return [method, streams ? streaming(protos, handler) : single(protos, handler)];
    }),
  );
  const server = new Server();
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    target: `127.0.0.1:${port}`,
    async close() {
      server.forceShutdown();
    },
  };
}

/** Returns the grpc-js handler for a method with a single answer. */
function single(protos: Protos, handler: Handler) {
  return async (call: Asking, callback: sendUnaryData<object>) => {
    try {
      callback(null, await handler(requestOf(call), new AbortController().signal));
    } catch (error) {
      callback(statusOf(protos, error));
    }
  };
}

function streaming(protos: Protos, handler: Handler) {
  return async (call: Asking & Writable) => {
    const left = new AbortController();
    call.on('cancelled', () => left.abort());
    try {
      for await (const message of handler(requestOf(call), left.signal) as AsyncIterable<object>) {
        if (!call.write(message)) await once(call, 'drain', { signal: left.signal });
      }
      call.end();
    } catch (error) {
      if (!left.signal.aborted) call.emit('error', statusOf(protos, error));
    }
  };
}

/** A call as grpc-js passes it: an object with the request message, or a stream of messages. */
type Asking = { readonly request: object } | Readable;

function requestOf(call: Asking): never {
  // A handler may stop reading and then still answer, so the end of its loop must not destroy the stream.
  return ('request' in call ? call.request : call.iterator({ destroyOnReturn: false })) as never;
}

function statusOf(protos: Protos, error: unknown): Partial<StatusObject> {
  if (!(error instanceof Refusal)) return { code: status.INTERNAL, details: String(error) };
  const { code, message, details } = error;
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', protos.encode('google.rpc.Status', { code, message, details }));
  return { code, details: message, metadata };
}
