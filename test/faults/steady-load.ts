/** A load at a fixed rate that does not wait for answers: nine GETs, then a POST with an id of its own, and so on. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Failure {
  readonly method: string;
  /** When it was sent, in milliseconds since the begin of the load. */
  readonly atMs: number;
  readonly reason: string;
}

export class Load {
  sent = 0;
  readonly failures: Failure[] = [];
  /** How long the answered requests took, in milliseconds, in the order of their answers. */
  readonly tookMs: number[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 500 });
  private readonly begunAt = Date.now();
  private readonly running = new Set<Promise<void>>();
  private isStopped = false;
  private readonly ended: Promise<void>;

  constructor(
    private readonly port: number,
    perSecond: number,
    private readonly headersOf: (index: number) => Record<string, string> = () => ({}),
  ) {
    this.ended = this.run(perSecond);
  }

  /** Returns the time since the load began, in milliseconds. */
  now(): number {
    return Date.now() - this.begunAt;
  }

  /** Stops sending, and waits for the answers. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.ended;
    await Promise.all(this.running);
    this.agent.destroy();
  }

  /** Returns how many requests of a method that were sent in a time have failed. */
  failed(method: 'GET' | 'POST', fromMs = 0, toMs = Number.POSITIVE_INFINITY): number {
    return this.failures.filter((one) => one.method === method && one.atMs >= fromMs && one.atMs < toMs).length;
  }

  /** Returns the reasons of failures with their numbers, and when the first and the last of them were sent. */
  reasons(): string {
    const found = new Map<string, number[]>();
    for (const { method, reason, atMs } of this.failures) {
      const key = `${method} ${reason}`;
      found.set(key, [...(found.get(key) ?? []), atMs]);
    }
    return [...found]
      .map(([reason, times]) => `${times.length} × ${reason} (${Math.min(...times)} to ${Math.max(...times)} ms)`)
      .join(', ');
  }

  private async run(perSecond: number): Promise<void> {
    while (!this.isStopped) {
      const due = Math.floor((this.now() / 1000) * perSecond);
      // After a pause of this process it does not make up for all of it at once.
      for (let i = 0; this.sent < due && i < perSecond / 10; i++) this.send(this.sent++);
      await sleep(5);
    }
  }

  private send(index: number): void {
    const isPost = index % 10 === 9;
    const atMs = this.now();
    const method = isPost ? 'POST' : 'GET';
    const one = this.exchange(method, index).then((result) => {
      this.running.delete(one);
      if (result === '200') this.tookMs.push(this.now() - atMs);
      else this.failures.push({ method, atMs, reason: result });
    });
    this.running.add(one);
  }

  private exchange(method: string, index: number): Promise<string> {
    const { port, agent } = this;
    const body = method === 'POST' ? JSON.stringify({ id: String(index) }) : undefined;
    const path = method === 'POST' ? '/v1/notes' : `/v1/notes/${index}`;
    const headers = {
      ...this.headersOf(index),
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
    };
    return new Promise((resolve) => {
      const req = request({ host: '127.0.0.1', port, agent, method, path, headers }, (res) => {
        res.resume().on('end', () => resolve(String(res.statusCode)));
        res.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
      req.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      req.end(body);
    });
  }
}
