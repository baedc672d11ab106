/**
 * Runs schemathesis, a property-based tester, against a gateway and its document. Half of its requests fit the document, the
 * others do not. `hooks.py` has our own checks.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../support/run.js';

const SCHEMATHESIS = 'schemathesis==4.32.5';
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'accepts_what_fits',
  'refuses_what_does_not_fit',
];

export interface TesterOptions {
  /** The folder in which schemathesis is installed. */
  readonly folder: string;
  readonly url: string;
  /** The URL of the document. */
  readonly document: string;
  readonly token: string;
  /** The least number of requests that are sent. */
  readonly requests: number;
  readonly seed: number;
}

interface Counts {
  readonly counts: Readonly<Record<string, number>>;
  readonly lenient: Readonly<Record<string, number>>;
}

/** Sends the requests in rounds, and prints their number. Returns false if an answer disagrees with the document. */
export async function runTester(options: TesterOptions): Promise<boolean> {
  const { folder, requests, seed } = options;
  const program = join(folder, 'venv/bin/schemathesis');
  if (!existsSync(program)) {
    execFileSync('python3', ['-m', 'venv', 'venv'], { cwd: folder, stdio: 'inherit' });
    execFileSync(join(folder, 'venv/bin/pip'), ['install', '--quiet', SCHEMATHESIS], { stdio: 'inherit' });
  }
  const answer = await fetch(options.document);
  const path = join(folder, 'document.json');
  await writeFile(path, await answer.text());
  const total = new Map<string, number>();
  const sent = () => (total.get('fits') ?? 0) + (total.get('does not fit') ?? 0);
  let agrees = true;
  for (let round = 0; agrees && sent() < requests; round++) {
    const before = sent();
    const { counts, lenient, output, code } = await runRound(options, program, path, seed + round);
    for (const [name, count] of [...Object.entries(counts), ...Object.entries(lenient)])
      total.set(name, (total.get(name) ?? 0) + count);
    agrees = code === 0;
    console.log(`round ${round + 1}: ${sent()} requests so far`);
    if (!agrees) process.stdout.write(output);
    if (sent() === before) throw new Error(`the tester has sent nothing:\n${output}`);
  }
  const statuses = [...total].filter(([name]) => name.startsWith('status ')).sort();
  console.log(`schemathesis: ${sent()} requests, seed ${seed}: ${agrees ? 'no disagreement' : 'DISAGREEMENT'}`);
  for (const [name, count] of [...total].filter(([name]) => !name.startsWith('status ')))
    console.log(`  ${name}: ${count}`);
  console.log(`  ${statuses.map(([name, count]) => `${name.slice('status '.length)}: ${count}`).join(', ')}`);
  return agrees;
}

/** The most requests of each kind that one round sends for an operation. */
const EXAMPLES = 10;

async function runRound({ folder, url, token }: TesterOptions, program: string, path: string, seed: number) {
  const counted = join(folder, 'counts.json');
  const args = [
    ...['run', path, '--url', url, '--header', `authorization: Bearer ${token}`],
    ...['--phases', 'fuzzing', '--max-examples', `${EXAMPLES}`, '--seed', `${seed}`, '--request-timeout', '10'],
    ...['--checks', CHECKS.join(','), '--continue-on-failure', '--no-shrink', '--no-color'],
    ...['--generation-database', 'none', '--suppress-health-check', 'all', '--warnings', 'off'],
  ];
  const env = {
    ...process.env,
    SCHEMATHESIS_HOOKS: 'hooks',
    PYTHONPATH: join(ROOT, 'test/contract'),
    PYTHONDONTWRITEBYTECODE: '1',
    PROTOGATE_DOCUMENT: path,
    PROTOGATE_COUNTS: counted,
  };
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { ...(JSON.parse(await readFile(counted, 'utf8')) as Counts), output, code };
}
