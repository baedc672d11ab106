/**
 * The collector of the OpenTelemetry project, which takes the gateway's spans and sends them on as it has understood them. It
 * is built from its Go modules into `.cache/`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Teardown } from '../support/gateway.js';
import type { ReceivedSpan } from '../support/otlp.js';
import { freePort } from '../support/ports.js';
import { ROOT } from '../support/run.js';
import { until } from '../support/until.js';

const PROGRAM = join(ROOT, '.cache/otel-collector');

/** Builds and starts the collector. Returns the URL for `tracing.otlp`. `folder` gets its config, and `target` the spans. */
export async function startCollector(t: Teardown, folder: string, target: string): Promise<string> {
  const build = ['build', '-C', join(ROOT, 'test/observe/collector'), '-ldflags=-s -w', '-o', PROGRAM, '.'];
  if (spawnSync('go', build, { stdio: 'inherit' }).status !== 0)
    throw new Error('the collector cannot be built with Go');
  const port = await freePort();
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { otlp_http: { endpoint: target, encoding: 'json', compression: 'none' } },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } },
    },
  };
  const file = join(folder, 'collector.yaml');
  await writeFile(file, JSON.stringify(config));
  const child = spawn(PROGRAM, ['--config', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  t.teardown(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  });
  await until(() => child.exitCode !== null || accepts(port), 'the collector listens');
  if (child.exitCode !== null) throw new Error(`the collector ended with ${child.exitCode}`);
  return `http://127.0.0.1:${port}`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Draws each trace as a tree of spans, `parent > child`, with children in their order. Failed spans have a `!`. */
export function treesOf(spans: readonly ReceivedSpan[]): readonly string[] {
  const inOrder = spans.toSorted((a, b) => a.startMs - b.startMs);
  const drawn = ({ spanId, name, failed }: ReceivedSpan): string => {
    const children = inOrder.filter(({ parentSpanId }) => parentSpanId === spanId).map(drawn);
    return `${name}${failed ? ' !' : ''}${children.length === 0 ? '' : ` > (${children.join(', ')})`}`;
  };
  return inOrder.filter(({ parentSpanId }) => parentSpanId === undefined).map(drawn);
}
