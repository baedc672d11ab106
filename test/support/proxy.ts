/** A TCP proxy in front of an upstream, which can fail as networks do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as turn } from 'node:timers/promises';
import type { Teardown } from './gateway.js';

export interface Proxy {
  readonly target: string;
  /** Returns how many connections are open now, and how many there were in all. */
  connections(): { open: number; total: number };
  /**
   * Stops the bytes of all open connections in both directions, without closing them. When it resolves, everything that
   * came before has been read in this process. New connections pass.
   */
  freeze(): Promise<void>;
  /** Lets the next connection be made, but passes none of its bytes. */
  freezeNext(): void;
  /** Lets connections be made from now on, but passes no byte on any of them. */
  swallow(): void;
}

/** Starts the proxy. A new connection fails if `isOpen` returns false. */
export async function startProxy(t: Teardown, port: number, isOpen = () => true, host = '127.0.0.1'): Promise<Proxy> {
  const pairs = new Map<Socket, Socket>();
  let total = 0;
  let isNextFrozen = false;
  let swallows = false;
  const server = createServer((outer) => {
    total++;
    if (!isOpen()) return void outer.destroy();
    const inner = connect(port, host);
    pairs.set(outer, inner);
    outer
      .on('error', () => {})
      .on('close', () => {
        pairs.delete(outer);
        inner.destroy();
      });
    inner.on('error', () => {}).on('close', () => outer.destroy());
    if (swallows) outer.resume();
    else if (!isNextFrozen) outer.pipe(inner).pipe(outer);
    isNextFrozen = false;
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    for (const outer of pairs.keys()) outer.destroy();
  });
  await once(server, 'listening');
  const stopAll = () => {
    for (const [outer, inner] of pairs) {
      outer.unpipe(inner).resume();
      inner.unpipe(outer).resume();
    }
  };
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => ({ open: pairs.size, total }),
    freezeNext() {
      isNextFrozen = true;
    },
    swallow() {
      swallows = true;
      stopAll();
    },
    async freeze() {
      stopAll();
      // The event loop reads sockets in each of these turns.
      for (let i = 0; i < 10; i++) await turn(2);
    },
  };
}
