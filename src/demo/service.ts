/**
 * One gRPC service on a server of its own, at a port that the system chooses. Handlers are plain functions from request
 * to response; a Refusal that they throw becomes a status with `grpc-status-details-bin`.
 */
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Protos } from './protos.js';
import { Refusal } from './refusal.js';

/** Method name → request in, response out. Each handler declares its own request type. */
export type Handlers = Readonly<Record<string, (request: never) => object>>;

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
      return [method, unary(protos, handler)];
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

function unary(protos: Protos, handler: (request: never) => object) {
  return (call: ServerUnaryCall<object, object>, callback: sendUnaryData<object>) => {
    try {
      callback(null, handler(call.request as never));
    } catch (error) {
      if (!(error instanceof Refusal)) {
        callback({ code: status.INTERNAL, details: String(error) });
        return;
      }
      const { code, message, details } = error;
      const metadata = new Metadata();
      metadata.set('grpc-status-details-bin', protos.encode('google.rpc.Status', { code, message, details }));
      callback({ code, details: message, metadata });
    }
  };
}
