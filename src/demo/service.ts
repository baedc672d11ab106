/**
 * One gRPC service on a server of its own, at a port that the system chooses. Handlers are plain functions from request
 * to response; a Refusal that they throw becomes a status with `grpc-status-details-bin`.
 */
import { once } from 'node:events';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { Protos } from './protos.js';
import { Refusal } from './refusal.js';

/**
 * Method name → request in, response out; of a method whose server streams, its responses one after the other until
 * `signal` is aborted. Each handler declares its own request type.
 */
export type Handlers = Readonly<Record<string, Handler>>;

type Handler = (request: never, signal: AbortSignal) => object | AsyncIterable<object>;

/** A service that listens. */
export interface RunningService {
  readonly target: string;
  close(): Promise<void>;
}

/** Starts one service, at any free port or at one that it had before. Every method of its proto needs a handler. */
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
      return [
        method,
        definition[method]?.responseStream === true ? streaming(protos, handler) : unary(protos, handler),
      ];
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

function unary(protos: Protos, handler: Handler) {
  return (call: ServerUnaryCall<object, object>, callback: sendUnaryData<object>) => {
    try {
      callback(null, handler(call.request as never, NEVER));
    } catch (error) {
      callback(statusOf(protos, error));
    }
  };
}

const NEVER = new AbortController().signal;

function streaming(protos: Protos, handler: Handler) {
  return async (call: ServerWritableStream<object, object>) => {
    const left = new AbortController();
    call.on('cancelled', () => left.abort());
    try {
      for await (const message of handler(call.request as never, left.signal) as AsyncIterable<object>) {
        if (!call.write(message)) await once(call, 'drain', { signal: left.signal });
      }
      call.end();
    } catch (error) {
      if (!left.signal.aborted) call.emit('error', statusOf(protos, error));
    }
  };
}

function statusOf(protos: Protos, error: unknown): Partial<StatusObject> {
  if (!(error instanceof Refusal)) return { code: status.INTERNAL, details: String(error) };
  const { code, message, details } = error;
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', protos.encode('google.rpc.Status', { code, message, details }));
  return { code, details: message, metadata };
}
