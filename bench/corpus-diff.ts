/**
 * Compares versions of Google's APIs with `protogate diff`: pairs of a beta and its successor, whose counts are known from
 * reading them, and all of google-proto-files with itself, which must find nothing in bounded time and memory. Fails when a
 * count is wrong, or when the comparison takes more CPU time than loading both sides.
 *
 *     node dist/bench/corpus-diff.js
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { sideOf } from '../src/cli/diff-side.js';
import { parseConfig } from '../src/config/parse.js';
import { diff } from '../src/diff/diff.js';
import type { Side } from '../src/diff/side.js';
import { plan } from '../src/gateway/plan.js';
import { GOOGLE_PROTOS, googleProtos } from './google-protos.js';
import { VERSION_PAIRS } from './version-pairs.js';

/** The most memory that all of it may take, in MiB. */
const MOST_MIB = 1200;

const failures: string[] = [];

function expect(name: string, found: string, expected: string): void {
  console.log(`${name}: ${found}`);
  if (found !== expected) failures.push(`${name}: expected ${expected}, got ${found}`);
}

/** Compares two versions of one API, each in an import root of its own. Returns the last line that the command prints. */
function comparePair(corpus: string, old: string, now: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-pair-'));
  try {
    for (const [side, version] of [
      ['old', old],
      ['new', now],
    ] as const) {
      const path = join('google/cloud', version);
      cpSync(join(corpus, path), join(folder, side, path), { recursive: true });
    }
    const map = `${basename(old)}=${basename(now)}`;
    const args = [resolve('bin/protogate.js'), 'diff', 'old', 'new', '--import', corpus, '--map', map];
    const { stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 });
    return stderr.trim().split('\n').at(-1) ?? '';
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Loads the corpus twice and compares both. Conflicting routes are errors of `check`, and are compared like the others. */
async function compareWithItself(corpus: string): Promise<void> {
  const { config } = parseConfig({ version: 1, schema: { protos: [corpus] } });
  const load = async (): Promise<Side> => sideOf(await plan(config!), undefined);
  const start = cpuMs();
  const [old, now] = [await load(), await load()];
  const loadedMs = cpuMs() - start;
  const findings = diff(old, now);
  const comparedMs = cpuMs() - start - loadedMs;
  expect('findings in the corpus with itself', String(findings.length), '0');
  const routes = old.surfaces.reduce((sum, surface) => sum + surface.routes.length, 0);
  const mib = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${routes} routes: ${loadedMs} ms CPU to load both, ${comparedMs} ms to compare them, at most ${mib} MiB`,
  );
  if (comparedMs > loadedMs) failures.push(`expected at most ${loadedMs} ms to compare, got ${comparedMs}`);
  if (mib > MOST_MIB) failures.push(`expected at most ${MOST_MIB} MiB, got ${mib}`);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1000);
}

const corpus = resolve(googleProtos());
for (const { old, new: now, breaking, risky, safe } of VERSION_PAIRS) {
  expect(`${old} → ${now}`, comparePair(corpus, old, now), `${breaking} breaking, ${risky} risky, ${safe} safe`);
}
await compareWithItself(corpus);
for (const failure of failures) console.error(`${GOOGLE_PROTOS}: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
