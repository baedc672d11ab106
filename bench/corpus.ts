/**
 * Loads all of google-proto-files: checks what `routes` and `check` find in it, and compares the cost of loading it with
 * the bare parser (protobufjs, with a Root for each file that is not used). The two take turns, and the figures are medians
 * of three. Fails when a count is wrong or a ratio is over 1.5.
 *
 *     node dist/bench/corpus.js
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { GOOGLE_PROTOS, googleProtos } from './google-protos.js';
import { median } from './rounds.js';

const EXPECTED = { files: 8_051, methods: 13_307, bindings: 15_381, conflicts: 327, conflicting: 780 };
/** The highest ratio that passes. On shared machines the ratio varies by a quarter. */
const MOST = 1.5;
const ROUNDS = 3;
const MAIN = new URL('../src/cli/main.js', import.meta.url).href;
const RUN_MAIN = `import(${JSON.stringify(MAIN)}).then(async ({ main }) => { process.exitCode = await main(process.argv.slice(1)); })`;

interface Run {
  readonly stdout: string;
  readonly wallMs: number;
  /** The user and system time of the child, in milliseconds. */
  readonly cpuMs: number;
}

interface RouteRow {
  readonly rpc: string;
  readonly source: { readonly file: string; readonly line?: number };
}

interface Finding {
  readonly rule: string;
  readonly text: string;
}

function main(): void {
  const folder = googleProtos();
  const rounds = Array.from({ length: ROUNDS }, () => ({
    bare: run('bare parse', [process.argv[1] ?? '', 'bare', folder]),
    routes: run('protogate routes', protogate('routes', '--format', 'json', '--protos', folder)),
  }));
  const { bare, routes } = rounds[0]!;
  const check = run('protogate check', protogate('check', '--format', 'json', '--protos', folder));
  const rows = JSON.parse(routes.stdout) as RouteRow[];
  const findings = JSON.parse(check.stdout) as Finding[];
  const conflicts = findings.filter(({ rule }) => rule === 'binding-conflict');
  const unlinked = findings.filter(({ rule }) => rule === 'unknown-type');
  const failures = [
    compare('files', Number(bare.stdout), EXPECTED.files),
    compare('annotated methods', new Set(rows.map(({ rpc }) => rpc)).size, EXPECTED.methods),
    compare('bindings', rows.length, EXPECTED.bindings),
    compare('bindings with file and line', rows.filter(hasPlace).length, EXPECTED.bindings),
    compare('conflicts', conflicts.length, EXPECTED.conflicts),
    compare('conflicting bindings', sum(conflicts.map(claims)), EXPECTED.conflicting),
  ].filter((failure) => failure !== undefined);
  console.log(`types that routes need and no file declares: ${unlinked.length}`);
  const time = median(rounds.map((round) => round.routes.wallMs / round.bare.wallMs));
  const cpu = median(rounds.map((round) => round.routes.cpuMs / round.bare.cpuMs));
  console.log(`routes / bare parse: ${time.toFixed(2)} time, ${cpu.toFixed(2)} CPU of all threads (at most ${MOST})`);
  for (const ratio of [time, cpu].filter((one) => one > MOST)) {
    failures.push(`expected a ratio of at most ${MOST}, got ${ratio.toFixed(2)}`);
  }
  for (const failure of failures) console.error(`${GOOGLE_PROTOS}: ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/**
 * Parses every file with the loader's options (comments are not kept) and drops the result. This is the cost that loading
 * is compared with.
 */
function parseBare(folder: string): void {
  let files = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.proto')) continue;
    const text = readFileSync(join(folder, name), 'utf8');
    protobuf.parse(text, new protobuf.Root(), { keepCase: true });
    files++;
  }
  console.log(files);
}

function protogate(...args: readonly string[]): readonly string[] {
  return ['--input-type=module', '-e', RUN_MAIN, '--', ...args];
}

function run(name: string, args: readonly string[]): Run {
  const cpuBefore = cpuOfChildren();
  const start = performance.now();
  const { stdout, error, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const wallMs = performance.now() - start;
  if (error !== undefined) throw error;
  if (stdout === '') throw new Error(`${name}: expected output, got none: ${stderr}`);
  const cpuMs = cpuOfChildren() - cpuBefore;
  console.log(`${name}: ${cpuMs.toFixed(0)} ms CPU, ${wallMs.toFixed(0)} ms wall`);
  return { stdout, wallMs, cpuMs };
}

/**
 * Returns the CPU time of children that have ended, in milliseconds: `cutime` and `cstime` of /proc/self/stat are in
 * hundredths of a second.
 */
function cpuOfChildren(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

function compare(name: string, found: number, expected: number): string | undefined {
  console.log(`${name}: ${found}`);
  return found === expected ? undefined : `${name}: expected ${expected}, got ${found}`;
}

function hasPlace({ source }: RouteRow): boolean {
  return source.file.endsWith('.proto') && source.line !== undefined;
}

/** Returns the number of bindings that `…: expected one rpc for this path, got 3: …` reports. */
function claims({ text }: Finding): number {
  return Number(/expected one rpc for this path, got (\d+)/.exec(text)?.[1] ?? 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

if (process.argv[2] === 'bare') parseBare(process.argv[3] ?? '');
else main();
