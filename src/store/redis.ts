/**
 * A Redis as one shape, whether a single server, one that Sentinels know, or a Cluster. It connects and reconnects by
 * itself; a question that can't be asked now fails now, nothing is queued and nothing is asked twice.
 */
import { Cluster, Redis } from 'ioredis';
import { backOffMs } from '../base/back-off.js';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export type RedisSettings =
  | { readonly url: string }
  | { readonly sentinels: readonly RedisNode[]; readonly name: string; readonly password?: string }
  | { readonly cluster: readonly RedisNode[]; readonly password?: string };

/** A script with its keys and arguments; it is sent whole once for each server, then by its digest. */
export type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

export interface RedisClient {
  /** Keys may live on several servers: a script can't ask for two of them at once. */
  readonly sharded: boolean;
  /** Resolves when it can be asked, or after a second. */
  readonly prepared: Promise<void>;
  script(name: string, source: string): Script;
  /** Null: nothing there, or a value of another type. */
  getBuffer(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, keepMs: number): Promise<unknown>;
  /** Resolves if it can be written to: a full server or a replica answers PING, and refuses what counters ask. */
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

const PREPARE_MS = 1000;
const backOff = (times: number) => backOffMs({ firstMs: 50, longestMs: 2000 }, times);

/** Of every connection. */
const COMMON = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  // A peer that is gone without a word: the connection is made anew.
  socketTimeout: 10_000,
  // A master that was demoted: the next connection may find its successor.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
};

export function createRedis(settings: RedisSettings): RedisClient {
  const client = connect(settings);
  // Each question fails by itself and is counted there; without a listener the process would end.
  client.on('error', () => {});
  const prepared = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, PREPARE_MS);
    client.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
    client.once('end', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return {
    sharded: client instanceof Cluster,
    prepared,
    script(name, source) {
      client.defineCommand(name, { lua: source });
      const run = (client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name];
      return (keys, args) => run!.call(client, keys.length, ...keys, ...args);
    },
    getBuffer: (key) => client.getBuffer(key).catch(noneOfAnotherType),
    set: (key, value, keepMs) => client.set(key, value, 'PX', Math.max(1, Math.ceil(keepMs))),
    ping: () => client.set('protogate:probe', '1', 'PX', 1000),
    close: async () => client.disconnect(),
  };
}

function noneOfAnotherType(error: unknown): null {
  if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return null;
  throw error;
}

function connect(settings: RedisSettings): Redis | Cluster {
  if ('url' in settings)
    return new Redis(settings.url, { ...COMMON, enableOfflineQueue: false, retryStrategy: backOff });
  const password = settings.password === undefined ? {} : { password: settings.password };
  if ('cluster' in settings) {
    return new Cluster([...settings.cluster], {
      // Of the Cluster as a whole; a node's connection is opened by its first question, which waits for it.
      enableOfflineQueue: false,
      clusterRetryStrategy: backOff,
      redisOptions: { ...COMMON, ...password },
    });
  }
  return new Redis({
    ...COMMON,
    ...password,
    enableOfflineQueue: false,
    sentinels: [...settings.sentinels],
    name: settings.name,
    retryStrategy: backOff,
    sentinelRetryStrategy: backOff,
  });
}
