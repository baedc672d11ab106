/**
 * A real gRPC server for tests, on 127.0.0.1 and a port of its own: it serves every method of the given protos, records the
 * requests, and answers as the test has scripted (with an empty message by default). Requests are decoded and answers
 * encoded by protobufjs, which shares no code with the gateway's codec.
 *
 *     const upstream = await startUpstream(LIBRARY, { GetShelf: { message: { name: 'shelves/1' } } });
 *     t.teardown(upstream.close);                    // before the gateway's, so that it runs after it
 *     …
 *     t.deepEqual(upstream.last().request, { name: 'shelves/1' });
 *
 * Field names are the proto's; 64-bit numbers and enum values are strings. `close` throws if a connection is still open.
 */
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type Metadata as GrpcMetadata,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** The text of one proto, or of several files by name. The first line `syntax = "proto3";` may be left out. */
export type Protos = string | Readonly<Record<string, string>>;

export interface Reply {
  /** The answer, as fields or raw bytes. */
  readonly message?: object | Uint8Array;
  /** The answers of a streaming method, in order. */
  readonly messages?: Iterable<object | Uint8Array> | AsyncIterable<object | Uint8Array>;
  /** The metadata before the answer and after it; a list gives a key several values. */
  readonly headers?: MetadataValues;
  readonly trailers?: MetadataValues;
  /** The status that ends the call, after the messages if there are any. */
  readonly status?: { readonly code: number; readonly message?: string; readonly details?: Uint8Array };
  /** The time to wait before the first byte, in milliseconds. */
  readonly delayMs?: number;
  /** If true, the call never ends, and the client must give up. The messages are sent before. */
  readonly hang?: boolean;
}

export type MetadataValues = Readonly<Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>>;

/**
 * A reply, or a function that makes it from the call. For a client stream it runs when the call begins; `arriving` reads
 * the messages.
 */
export type Handler = Reply | ((call: RecordedCall) => Reply | Promise<Reply>);

/** The handlers by `Method` or `pkg.Service/Method`. */
export type Handlers = Readonly<Record<string, Handler>>;

export interface RecordedCall {
  /** The path of the method: `/pkg.Service/Method`. */
  readonly path: string;
  /** The request messages that have come so far. The handler of a unary method runs when all have come. */
  readonly requestBytes: Buffer[];
  readonly requests: object[];
  /** The first request message; undefined before it has come. */
  readonly request: object | undefined;
  readonly metadata: GrpcMetadata;
  /** The value of `:authority`. */
  readonly host: string;
  /** The deadline in milliseconds since the epoch; undefined when the client has set none. */
  readonly deadline: number | undefined;
  readonly cancelled: boolean;
  /** Resolves when the client cancels the call. */
  readonly whenCancelled: Promise<void>;
  /** Resolves when the client has sent all its messages. */
  readonly whenHalfClosed: Promise<void>;
  /** Resolves when the client sends something more, ends its side or cancels. */
  whenHeard(): Promise<void>;
}

/** Yields the request messages as they come, until there are no more. */
export async function* arriving(call: RecordedCall): AsyncGenerator<object> {
  let ended = false;
  void call.whenHalfClosed.then(() => {
    ended = true;
  });
  for (let taken = 0; ; await call.whenHeard()) {
    const isLast = ended || call.cancelled;
    for (; taken < call.requestBytes.length; taken++) yield call.requests[taken]!;
    if (isLast) return;
  }
}

export interface TestUpstream {
  /** The address of the server: `127.0.0.1:PORT`. */
  readonly target: string;
  readonly port: number;
  readonly root: protobuf.Root;
  /** All calls in the order in which they came. */
  readonly calls: RecordedCall[];
  /** Returns the latest call. Throws if there was none. */
  last(): RecordedCall;
  /** Changes what a method answers. */
  script(method: string, handler: Handler): void;
  /** Returns how many connections are open now, and how many there were in all. */
  connections(): { open: number; total: number };
  encode(type: string, fields: object): Buffer;
  decode(type: string, bytes: Uint8Array): object;
  /** Cuts every connection, as a crash would. */
  cut(): void;
  /** Stops the server. Throws if a client's connection is still open. */
  readonly close: () => Promise<void>;
}

export interface UpstreamTestOptions {
  readonly credentials?: ServerCredentials;
  readonly port?: number;
  /** The address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /** False leaves `calls` empty, so that many calls need no memory. True by default. */
  readonly keepsCalls?: boolean;
}

export async function startUpstream(
  protos: Protos,
  handlers: Handlers = {},
  options: UpstreamTestOptions = {},
): Promise<TestUpstream> {
  const { credentials = ServerCredentials.createInsecure(), port = 0, host = '127.0.0.1', keepsCalls = true } = options;
  const root = parseProtos(protos);
  const scripted = new Map(Object.entries(handlers));
  const calls: RecordedCall[] = [];
  const server = new Server({
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    // No test reads its statistics.
    'grpc.enable_channelz': 0,
  });
  for (const method of methodsOf(root)) {
    const full = fullName(method);
    // Every method is registered as one that streams both ways: the four kinds are the same on the wire.
    const serve = (stream: ServerDuplexStream<Buffer, Buffer>) => {
      const call = record(stream, full, method);
      if (keepsCalls) calls.push(call);
      const handler = scripted.get(full) ?? scripted.get(method.name) ?? {};
      void answer(stream, call, handler, method);
    };
    server.register(`/${full}`, serve as never, identity, identity, 'bidi');
  }

  const sockets = new Set<Socket>();
  let total = 0;
  const injector = server.createConnectionInjector(credentials);
  const listener = createServer((socket) => {
    total++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, host, resolve);
  });
  const listening = (listener.address() as AddressInfo).port;

  async function close(): Promise<void> {
    for (let waited = 0; sockets.size > 0 && waited < 1000; waited += 10) await sleep(10);
    const dangling = sockets.size;
    for (const socket of sockets) socket.destroy();
    server.forceShutdown();
    await new Promise((resolve) => listener.close(resolve));
    if (dangling > 0) throw new Error(`${dangling} connection(s) to the upstream still open at its close`);
  }

  return {
    target: `${host}:${listening}`,
    port: listening,
    root,
    calls,
    last() {
      const call = calls.at(-1);
      if (call === undefined) throw new Error('the upstream was not called');
      return call;
    },
    script: (method, handler) => void scripted.set(method, handler),
    connections: () => ({ open: sockets.size, total }),
    encode: (type, fields) => encode(root.lookupType(type), fields),
    decode: (type, bytes) => decode(root.lookupType(type), bytes),
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    close,
  };
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function record(stream: ServerDuplexStream<Buffer, Buffer>, full: string, method: protobuf.Method): RecordedCall {
  const requestBytes: Buffer[] = [];
  const requests: object[] = [];
  const decoded = () => {
    for (const bytes of requestBytes.slice(requests.length)) requests.push(decode(method.resolvedRequestType!, bytes));
    return requests;
  };
  let heard = () => {};
  let whenHeard = Promise.resolve();
  const onHeard = () => {
    heard();
    whenHeard = new Promise((resolve) => {
      heard = resolve;
    });
  };
  onHeard();
  const deadline = stream.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  stream.on('data', (bytes: Buffer) => {
    requestBytes.push(bytes);
    onHeard();
  });
  const whenCancelled = new Promise<void>((resolve) => stream.once('cancelled', () => resolve()));
  const whenHalfClosed = new Promise<void>((resolve) => stream.once('end', resolve));
  stream.once('cancelled', onHeard).once('end', onHeard);
  return {
    path: `/${full}`,
    requestBytes,
    get requests() {
      return [...decoded()];
    },
    get request() {
      return decoded()[0];
    },
    metadata: stream.metadata,
    host: stream.getHost(),
    deadline: Number.isFinite(at) ? at : undefined,
    get cancelled() {
      return stream.cancelled;
    },
    whenCancelled,
    whenHalfClosed,
    whenHeard: () => whenHeard,
  };
}

async function answer(
  stream: ServerDuplexStream<Buffer, Buffer>,
  call: RecordedCall,
  handler: Handler,
  method: protobuf.Method,
): Promise<void> {
  stream.on('error', () => {}); // many tests have clients that leave
  try {
    if (method.requestStream !== true) await call.whenHalfClosed;
    const reply = typeof handler === 'function' ? await handler(call) : handler;
    if (reply.delayMs !== undefined) await sleep(reply.delayMs);
    if (reply.headers !== undefined) stream.sendMetadata(toMetadata(reply.headers));
    const type = method.resolvedResponseType!;
    for await (const message of messagesOf(reply, method)) {
      if (stream.cancelled) return;
      const bytes = message instanceof Uint8Array ? Buffer.from(message) : encode(type, message);
      if (!stream.write(bytes))
        await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), call.whenCancelled]);
    }
    if (reply.hang === true) return;
    finish(stream, reply);
  } catch (error) {
    finish(stream, { status: { code: 2, message: `test upstream: ${String(error)}` } });
  }
}

function messagesOf(
  reply: Reply,
  method: protobuf.Method,
): Iterable<object | Uint8Array> | AsyncIterable<object | Uint8Array> {
  if (reply.messages !== undefined) return reply.messages;
  if (reply.message !== undefined) return [reply.message];
  const silent = reply.status !== undefined || reply.hang === true || method.responseStream === true;
  return silent ? [] : [{}];
}

function finish(stream: ServerDuplexStream<Buffer, Buffer>, { status, trailers }: Reply): void {
  const metadata = toMetadata(trailers ?? {});
  if (status?.details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(status.details));
  if (status === undefined) {
    stream.end(metadata);
    return;
  }
  const failure: Partial<StatusObject> = { code: status.code, details: status.message ?? '', metadata };
  stream.emit('error', failure);
}

function toMetadata(values: MetadataValues): GrpcMetadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value])
      metadata.add(key, typeof one === 'string' ? one : Buffer.from(one));
  }
  return metadata;
}

function encode(type: protobuf.Type, fields: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(fields as Record<string, unknown>)).finish());
}

function decode(type: protobuf.Type, bytes: Uint8Array): object {
  return type.toObject(type.decode(bytes), { longs: String, enums: String });
}

/** It declares an option, and the upstream reads no options of the protos. */
const RULES = 'google/api/annotations.proto';

/** The folders that imports are looked up in: the repository's `protos/` and the files of protobufjs. */
const PROTO_ROOTS = [join(repository(), 'protos'), join(repository(), 'node_modules/protobufjs')];

function repository(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const roots = new Map<string, protobuf.Root>();

/**
 * Parses proto text into a resolved root, with field names as written. Imports are loaded. All upstreams of the same text
 * share one root.
 */
export function parseProtos(protos: Protos): protobuf.Root {
  const key = JSON.stringify(protos);
  const root = roots.get(key) ?? parseAnew(protos);
  roots.set(key, root);
  return root;
}

function parseAnew(protos: Protos): protobuf.Root {
  const files = new Map(Object.entries(typeof protos === 'string' ? { 'test.proto': protos } : protos));
  const root = new protobuf.Root();
  const done = new Set<string>();
  const load = (name: string, text: string): void => {
    if (done.has(name)) return;
    done.add(name);
    loadImports(importsOf(protobuf.parse(text, root, { keepCase: true })), name);
  };
  const loadShared = (name: string, from: string): void => {
    if (done.has(name)) return;
    done.add(name);
    const { declared, imports } = shared(name, from);
    root.addJSON(declared);
    loadImports(imports, name);
  };
  const loadImports = (paths: readonly string[], from: string): void => {
    for (const path of paths) {
      if (path === RULES && !files.has(path)) continue;
      const wellKnown = protobuf.common.get(path);
      const own = files.get(path);
      if (wellKnown === null && own !== undefined) load(path, own);
      else if (wellKnown === null) loadShared(path, from);
      else if (wellKnown.nested !== undefined && !done.has(path)) root.addJSON(wellKnown.nested);
      done.add(path);
    }
  };
  for (const [name, text] of files)
    load(name, /\b(syntax|edition)\s*=/.test(text) ? text : `syntax = "proto3";\n${text}`);
  root.resolveAll();
  return root;
}

function importsOf({ imports, weakImports }: protobuf.IParserResult): readonly string[] {
  return [...(imports ?? []), ...(weakImports ?? [])];
}

interface SharedFile {
  readonly declared: { [name: string]: protobuf.AnyNestedObject };
  readonly imports: readonly string[];
}

const sharedFiles = new Map<string, SharedFile>();

/** Returns what a file of the folders above declares. It is parsed once, because most upstreams import the same files. */
function shared(path: string, from: string): SharedFile {
  const known = sharedFiles.get(path);
  if (known !== undefined) return known;
  const root = new protobuf.Root();
  const imports = importsOf(protobuf.parse(imported(path, from), root, { keepCase: true }));
  const file = { declared: root.toJSON().nested ?? {}, imports };
  sharedFiles.set(path, file);
  return file;
}

function imported(path: string, from: string): string {
  for (const folder of PROTO_ROOTS) {
    if (existsSync(join(folder, path))) return readFileSync(join(folder, path), 'utf8');
  }
  throw new Error(`${from}: import "${path}" is in none of ${PROTO_ROOTS.join(', ')}`);
}

function* methodsOf(namespace: protobuf.NamespaceBase): Generator<protobuf.Method> {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Service)
      yield* nested.methodsArray.map((method) => method.resolve() as protobuf.Method);
    if (nested instanceof protobuf.Namespace) yield* methodsOf(nested);
  }
}

function fullName(method: protobuf.Method): string {
  return `${method.parent!.fullName.slice(1)}/${method.name}`;
}
