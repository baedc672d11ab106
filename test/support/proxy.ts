/** A TCP proxy in front of an upstream, which fails as networks do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as turn } from 'node:timers/promises';
import type { Teardown } from './gateway.js';

export interface Proxy {
  readonly target: string;
  /** Connections that are open now, and how many there ever were. */
  connections(): { open: number; total: number };
  /**
   * What is connected now stays so, and hears of nothing any more, in either direction; whoever reads in this process has
   * read what came before that. New connections pass.
   */
  freeze(): Promise<void>;
  /** The next connection is made and hears of nothing. */
  freezeNext(): void;
}

/** `isOpen`: whether a connection that begins passes; otherwise it fails. */
export async function startProxy(t: Teardown, port: number, isOpen = () => true): Promise<Proxy> {
  const pairs = new Map<Socket, Socket>();
  let total = 0;
  let isNextFrozen = false;
  const server = createServer((outer) => {
    total++;
    if (!isOpen()) return void outer.destroy();
    const inner = connect(port, '127.0.0.1');
    pairs.set(outer, inner);
    outer
      .on('error', () => {})
      .on('close', () => {
        pairs.delete(outer);
        inner.destroy();
      });
    inner.on('error', () => {}).on('close', () => outer.destroy());
    if (!isNextFrozen) outer.pipe(inner).pipe(outer);
    isNextFrozen = false;
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    for (const outer of pairs.keys()) outer.destroy();
  });
  await once(server, 'listening');
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => ({ open: pairs.size, total }),
    freezeNext() {
      isNextFrozen = true;
    },
    async freeze() {
      for (const [outer, inner] of pairs) {
        outer.unpipe(inner).resume();
        inner.unpipe(outer).resume();
      }
      // Turns of the event loop, in each of which sockets are read.
      for (let i = 0; i < 10; i++) await turn(2);
    },
  };
}
