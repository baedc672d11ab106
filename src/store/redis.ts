/**
 * A common interface of a single Redis server, a group with Sentinels, and a Cluster. It connects and reconnects by itself. A
 * request that cannot be sent fails at once: none is queued, and none is sent twice.
 */
import { createRequire } from 'node:module';
import type { Cluster, Redis } from 'ioredis';
import { backOffMs } from '../base/back-off.js';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export type RedisSettings =
  | { readonly url: string }
  | { readonly sentinels: readonly RedisNode[]; readonly name: string; readonly password?: string }
  | { readonly cluster: readonly RedisNode[]; readonly password?: string };

/** Runs a Lua script with its keys and arguments. The script is sent once to each server; later runs send only its digest. */
export type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

export interface RedisClient {
  /** True if keys may be on several servers (a Cluster). Then one script cannot use several keys. */
  readonly sharded: boolean;
  /** Resolves when the connection is ready, when none can be made, or after a second. */
  readonly prepared: Promise<void>;
  script(name: string, source: string): Script;
  /** Returns the value of a key; null if there is none, or if the value has another type. */
  getBuffer(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, keepMs: number): Promise<unknown>;
  /**
   * Resolves if the store can be written to. It writes a key, because a full server or a replica answers PING although it
   * refuses the scripts of the counters.
   */
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

const PREPARE_MS = 1000;
const backOff = (times: number) => backOffMs({ firstMs: 50, longestMs: 2000 }, times);

/** The options that every connection has. */
const COMMON = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  // If the peer disappears without closing the connection, this timeout leads to a new connection.
  socketTimeout: 10_000,
  // If a master has become a replica, a new connection may reach the new master.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
};

export function createRedis(settings: RedisSettings): RedisClient {
  // ioredis is loaded only here, because most gateways do not use Redis, and loading takes a tenth of a second.
  const ioredis = createRequire(import.meta.url)('ioredis') as typeof import('ioredis');
  const client = connect(settings, ioredis);
  // Each request reports its own failure. Without a listener for `error`, the process would end.
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
    sharded: client instanceof ioredis.Cluster,
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

function connect(settings: RedisSettings, { Cluster, Redis }: typeof import('ioredis')): Redis | Cluster {
  if ('url' in settings)
    return new Redis(settings.url, { ...COMMON, enableOfflineQueue: false, retryStrategy: backOff });
  const password = settings.password === undefined ? {} : { password: settings.password };
  if ('cluster' in settings) {
    return new Cluster([...settings.cluster], {
      // This option is for the Cluster as a whole. The connection to a single node is opened by the first request to that node,
      // which waits for the connection.
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
