/**
 * Shares out new connections to the worker processes. A worker gets the next connection only when it has reported that it
 * serves the last one, so a busy worker gets fewer. The primary process keeps a connection open until then: if the worker ends
 * first, another one gets the connection.
 */
import type { Worker } from 'node:cluster';
import type { Socket } from 'node:net';
import type { ToWorker } from './messages.js';

export class Distribution {
  /** The connections that were not given to a worker yet. */
  private readonly waiting: Socket[] = [];
  /** Workers that can be given a connection, the one that has waited longest first. */
  private readonly free = new Set<Worker>();
  /** The connection that each worker was given and has not reported as taken yet. */
  private readonly given = new Map<Worker, Socket>();
  private readonly members = new Set<Worker>();
  private onEmpty = () => {};

  /** From now on, the worker gets connections. */
  add(worker: Worker): void {
    this.members.add(worker);
    this.free.add(worker);
    this.share();
  }

  /** From now on, the worker gets no more connections. It still takes the one that it was given. */
  remove(worker: Worker): void {
    this.members.delete(worker);
    this.free.delete(worker);
  }

  /** Must be called when the worker has ended: another one gets the connection that it has not taken. */
  lose(worker: Worker): void {
    this.remove(worker);
    const socket = this.given.get(worker);
    this.given.delete(worker);
    if (socket !== undefined) this.waiting.unshift(socket);
    this.share();
  }

  /** Gives a new connection, of which nothing has been read, to a worker as soon as one is free. */
  accept(socket: Socket): void {
    socket.on('error', () => {});
    this.waiting.push(socket);
    this.share();
  }

  /** Must be called when the worker serves the connection that it was given. */
  taken(worker: Worker): void {
    // This closes the primary's descriptor; the connection stays open in the worker.
    this.given.get(worker)?.destroy();
    this.given.delete(worker);
    if (this.members.has(worker)) this.free.add(worker);
    this.share();
  }

  /** Resolves when workers have taken all connections. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.onEmpty = resolve;
      this.share();
    });
  }

  private share(): void {
    for (const worker of this.free) {
      const socket = this.waiting.shift();
      if (socket === undefined) break;
      this.free.delete(worker);
      this.given.set(worker, socket);
      // When this fails the worker has ended, and `lose` follows.
      worker.send({ kind: 'connection' } satisfies ToWorker, socket, { keepOpen: true }, () => {});
    }
    if (this.waiting.length === 0 && this.given.size === 0) this.onEmpty();
  }
}
