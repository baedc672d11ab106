/**
 * A load generator in a process of its own, for cases in which `wrk` is not installed or a rate must be kept. It sends raw requests
 * over raw sockets. It answers each `Task` of its parent with a `Result`.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Responses } from './responses.js';
import { Ticks } from './ticks.js';

export interface Task {
  readonly port: number;
  readonly connections: number;
  /** The whole request, head and body, in Base64. */
  readonly request: string;
  readonly seconds?: number;
  /** The number of requests, if there is no `seconds`. */
  readonly requests?: number;
  /** The number of requests a second, however many answers are missing. Without it a connection sends one after the other. */
  readonly perSecond?: number;
  /** True if the connections stay open for the next task with the same port and request, which then pays for none. */
  readonly keepsOpen?: boolean;
}

export interface Result {
  readonly requests: number;
  /** Answers other than 200, and connections that were closed. */
  readonly failures: number;
  /** The times from the moment when a request was due to the last byte of its answer, in milliseconds, in ascending order. */
  readonly latencies: readonly number[];
}

class Connection {
  private readonly socket: Socket;
  private done: (isGood: boolean) => void = IDLE;

  constructor(
    port: number,
    private readonly request: Buffer,
  ) {
    const responses = new Responses((status) => this.done(status === 200));
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
      .on('data', (chunk: Buffer) => responses.push(chunk))
      .on('error', () => {})
      .on('close', () => this.done(false));
  }

  /** Calls `done` when the answer is there. */
  ask(done: (isGood: boolean) => void): void {
    this.done = done;
    this.socket.write(this.request);
  }

  /** Called when a request ends. Later events of the connection count for no request. */
  rest(): void {
    this.done = IDLE;
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  close(): void {
    this.rest();
    this.socket.destroy();
  }
}

const IDLE = () => {};

/** It starts with the first task at a fixed rate. */
let ticks: Ticks | undefined;

/** The connections that earlier tasks have kept open, by their port and request. */
const kept = new Map<string, readonly Connection[]>();

export async function run(task: Task): Promise<Result> {
  const { port, connections, request, seconds, requests, perSecond, keepsOpen = false } = task;
  const bytes = Buffer.from(request, 'base64');
  const key = `${port} ${request}`;
  const idle = (kept.get(key) ?? []).filter(({ isOpen }) => isOpen);
  kept.delete(key);
  while (idle.length < connections) idle.push(new Connection(port, bytes));
  const all = [...idle];
  const latencies: number[] = [];
  let failures = 0;
  const waiting: number[] = [];
  const begun = performance.now();
  let begunRequests = 0;
  const isOver = () => {
    return seconds === undefined ? begunRequests >= requests! : performance.now() - begun > seconds * 1000;
  };
  const ask = (connection: Connection, due: number): void => {
    begunRequests++;
    connection.ask((isGood) => {
      latencies.push(performance.now() - due);
      if (!isGood) failures++;
      const next = perSecond === undefined && isGood && !isOver() ? performance.now() : waiting.shift();
      if (next === undefined) idle.push(connection);
      else ask(connection, next);
    });
  };
  if (perSecond === undefined) for (const connection of idle.splice(0)) ask(connection, begun);
  if (perSecond !== undefined) {
    ticks ??= new Ticks();
    ticks.start(perSecond, (due) => {
      const free = idle.shift();
      if (free === undefined) waiting.push(due);
      else ask(free, due);
      if (isOver()) ticks!.stop();
    });
  }
  while (!isOver()) await sleep(1);
  ticks?.stop();
  for (const deadline = performance.now() + 5000; idle.length < connections && performance.now() < deadline; )
    await sleep(1);
  failures += connections - idle.length;
  for (const connection of all) {
    if (keepsOpen) connection.rest();
    else connection.close();
  }
  if (keepsOpen) kept.set(key, all);
  return { requests: latencies.length, failures, latencies: latencies.toSorted((a, b) => a - b) };
}

process.on('message', async (task: Task) => process.send!(await run(task)));
process.on('disconnect', () => process.exit());
