/**
 * Metrics of the servers of upstreams. The values are read when somebody asks for the metrics, so they cost nothing during a
 * call.
 */
import { Counter, Gauge, type Registry } from 'prom-client';

/** The figures of one server of an upstream. */
export interface ServerFigures {
  readonly address: string;
  /** The number of calls that have ended: `answered`, `failed`, or `unknown` if the call shows nothing about the server. */
  readonly ended: Readonly<Record<'answered' | 'failed' | 'unknown', number>>;
  readonly ejections: number;
  /** True if the last attempt to connect has failed. */
  readonly isFailing: boolean;
  /** True if the server is unhealthy or ejected. */
  readonly isOut: boolean;
  running(): number;
}

export class ServerMetrics {
  private readonly sources = new Map<() => readonly ServerFigures[], string>();

  constructor(registers: Registry[]) {
    const labelNames = ['upstream', 'server'] as const;
    const each = this.each.bind(this);
    new Counter({
      name: 'protogate_server_calls_total',
      help: 'How many calls have ended on a server of an upstream. The result is answered, failed, or unknown if the call tells nothing about the server.',
      labelNames: [...labelNames, 'result'],
      registers,
      collect() {
        this.reset();
        each(({ ended }, labels) => {
          for (const [result, count] of Object.entries(ended)) this.inc({ ...labels, result }, count);
        });
      },
    });
    new Counter({
      name: 'protogate_server_ejections_total',
      help: 'How often a server was ejected because several calls in a row had failed.',
      labelNames,
      registers,
      collect() {
        this.reset();
        each(({ ejections }, labels) => this.inc(labels, ejections));
      },
    });
    new Gauge({
      name: 'protogate_server_running_calls',
      help: 'How many calls run on a server.',
      labelNames,
      registers,
      collect() {
        this.reset();
        each((server, labels) => this.set(labels, server.running()));
      },
    });
    new Gauge({
      name: 'protogate_server_up',
      help: '1 if a server may get calls, 0 if it cannot be reached, is unhealthy or is ejected.',
      labelNames,
      registers,
      // The lowest value of all workers is shown, so that one worker without the server is seen.
      aggregator: 'min',
      collect() {
        this.reset();
        each(({ isFailing, isOut }, labels) => this.set(labels, isFailing || isOut ? 0 : 1));
      },
    });
  }

  /** Adds the servers of an upstream to the metrics. The returned function removes them. */
  follow(upstream: string, servers: () => readonly ServerFigures[]): () => void {
    this.sources.set(servers, upstream);
    return () => void this.sources.delete(servers);
  }

  private each(show: (server: ServerFigures, labels: { upstream: string; server: string }) => void): void {
    for (const [servers, upstream] of this.sources) {
      for (const server of servers()) show(server, { upstream, server: server.address });
    }
  }
}
