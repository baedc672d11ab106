/**
 * Writes the OpenAPI document of all of google-proto-files, and measures time and memory of it beside those of the route map.
 * Then it draws services, and checks the document of each with a public validator. Fails when a count is wrong, when a
 * document is not valid, or when the whole needs more memory than the limit.
 *
 *     node dist/bench/corpus-openapi.js [--services 200] [--seed 1]
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Validator } from '@seriousme/openapi-schema-validator';
import { parseConfig } from '../src/config/parse.js';
import { plan } from '../src/gateway/plan.js';
import { apisOf } from '../src/openapi/api.js';
import { documentedServices, documentParts } from '../src/openapi/document.js';
import { writeJson } from '../src/openapi/write.js';
import { GOOGLE_PROTOS, googleProtos } from './google-protos.js';

const OPERATIONS = 15_381;
/** The limit of the heap of the process that writes the document, in MiB. The schema itself takes most of it. */
const HEAP_MIB = 512;
/** Matches the line of an id. A property of a schema may have the same name, but is an object. */
const OPERATION_ID = /^ +"operationId": "/;
const MAIN = new URL('../src/cli/main.js', import.meta.url).href;
const RUN_MAIN = `
  import { writeSync } from 'node:fs';
  const { main } = await import(${JSON.stringify(MAIN)});
  process.exitCode = await main(process.argv.slice(1));
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  writeSync(3, JSON.stringify({ maxMiB: maxRSS / 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 }));
`;

interface Run {
  readonly bytes: number;
  readonly operations: number;
  readonly hash: string;
  readonly maxMiB: number;
  readonly cpuMs: number;
}

/** Runs a command and counts what it prints, without keeping it. */
async function run(...args: readonly string[]): Promise<Run> {
  const command = [`--max-old-space-size=${HEAP_MIB}`, '--input-type=module', '-e', RUN_MAIN, '--', ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
  const hash = createHash('sha256');
  let [bytes, operations, rest, usage] = [0, 0, '', ''];
  child.stdio[3]!.on('data', (chunk) => {
    usage += chunk;
  });
  for await (const chunk of child.stdout!) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (OPERATION_ID.test(line)) operations++;
  }
  if (usage === '') throw new Error(`${args.join(' ')}: it ended before its end; its heap may have ${HEAP_MIB} MiB`);
  return { bytes, operations, hash: hash.digest('hex'), ...(JSON.parse(usage) as Pick<Run, 'maxMiB' | 'cpuMs'>) };
}

/** Draws distinct elements with a linear congruential generator, so that a seed always draws the same. */
function draw<T>(all: readonly T[], count: number, seed: number): readonly T[] {
  const left = [...all];
  const drawn: T[] = [];
  for (let state = seed; drawn.length < count && left.length > 0; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    drawn.push(...left.splice(state % left.length, 1));
  }
  return drawn;
}

const { values } = parseArgs({
  options: { services: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const folder = googleProtos();
const failures: string[] = [];
const routes = await run('routes', '--protos', folder);
const whole = await run('openapi', '--protos', folder);
const usageOf = ({ maxMiB, cpuMs }: Run) => `${maxMiB.toFixed(0)} MiB at most, ${(cpuMs / 1000).toFixed(1)} s CPU`;
console.log(`routes: ${usageOf(routes)}`);
console.log(
  `openapi: ${whole.operations} operations, ${(whole.bytes / 2 ** 20).toFixed(0)} MiB of JSON; ${usageOf(whole)}`,
);
if (whole.operations !== OPERATIONS) failures.push(`expected ${OPERATIONS} operations, got ${whole.operations}`);

const { config } = parseConfig({ version: 1, schema: { protos: [folder] } });
const [api] = apisOf(await plan(config!));
const services = draw(documentedServices(api!), Number(values.services), Number(values.seed));
const validator = new Validator();
for (const service of services) {
  const { valid, errors } = await validator.validate([...writeJson(documentParts(api!, service))].join(''));
  if (!valid) failures.push(`${service}: ${JSON.stringify(errors).slice(0, 500)}`);
}
console.log(`documents of ${services.length} services drawn with seed ${values.seed} are checked`);
for (const failure of failures) console.error(`${GOOGLE_PROTOS}: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
