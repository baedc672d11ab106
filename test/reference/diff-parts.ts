/**
 * Writes the tables of docs/diff.md: the kinds of changes from their list, pairs of versions of real APIs, and what `buf
 * breaking` finds in the changes of the tests. All changes are in one module, each in a package of its own, so that buf
 * compares them in one run.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { VERSION_PAIRS } from '../../bench/version-pairs.js';
import { CHANGES } from '../../src/diff/changes.js';
import { BASE, CASES, changed } from '../diff/cases.js';
import { buf } from '../support/buf.js';
import { ROOT } from '../support/run.js';
import { table } from './table.js';

/** Returns a table of all kinds of changes. */
export function diffChangeTable(): string {
  const rows = Object.entries(CHANGES).map(([id, { severities, meaning }]) => [
    `\`${id}\``,
    severities.join(', '),
    meaning,
  ]);
  return table(['change', 'severity', 'what it means'], rows);
}

/** Returns a table of versions of Google's APIs, which `npm run corpus` compares. */
export function versionPairTable(): string {
  const rows = VERSION_PAIRS.map(({ api, old, new: now, breaking, risky, example }) => {
    return [api, `\`${basename(old)}\``, `\`${basename(now)}\``, String(breaking), String(risky), example];
  });
  return table(['API', 'from', 'to', 'breaking', 'risky', 'for example'], rows);
}

/** Returns a table of the changes of the tests, with what `diff` and `buf breaking` find. */
export function diffAndBufTable(): string {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-buf-'));
  try {
    for (const side of ['old', 'new']) {
      for (const name of ['google', 'protogate'])
        cpSync(join(ROOT, 'protos', name), join(folder, side, name), { recursive: true });
    }
    for (const [index, one] of CASES.entries()) {
      writeCase(join(folder, 'old'), index, BASE);
      writeCase(join(folder, 'new'), index, changed(one));
    }
    const [ofFile, ofJson] = found(folder, ['FILE', 'WIRE_JSON']);
    const rows = CASES.map(({ fact, finds }, index) => {
      const found = finds.map(([severity, change]) => `${severity}: \`${change}\``).join(', ');
      return [fact, found || 'safe', ofFile!.has(index) ? 'breaking' : '', ofJson!.has(index) ? 'breaking' : ''];
    });
    return table(['change', 'protogate diff', 'buf FILE', 'buf WIRE_JSON'], rows);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeCase(folder: string, index: number, proto: string): void {
  const file = join(folder, fileOf(index));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, proto.replaceAll('shop.v1', `c${index}.v1`));
}

function fileOf(index: number): string {
  return `c${index}/v1/shop.proto`;
}

/** Returns for each category of buf's rules the numbers of the changes in which buf finds something. */
function found(folder: string, categories: readonly string[]): readonly ReadonlySet<number>[] {
  const config = JSON.stringify({ version: 'v2', breaking: { use: categories } });
  const args = ['breaking', '--against', '../old', '--config', config, '--against-config', config];
  const lines = linesOf([...args, '--error-format', 'json'], join(folder, 'new'));
  const findings = lines.map((line) => JSON.parse(line) as { path?: string; type: string });
  const rules = linesOf(['config', 'ls-breaking-rules', '--format', 'json'], folder).map(
    (line) => JSON.parse(line) as { id: string; categories: readonly string[] },
  );
  return categories.map((category) => {
    const ids = new Set(rules.filter((rule) => rule.categories.includes(category)).map(({ id }) => id));
    return new Set(findings.filter(({ type }) => ids.has(type)).map(({ path }) => indexOf(path)));
  });
}

function indexOf(path: string | undefined): number {
  const index = /^c(\d+)\/v1\//.exec(path ?? '')?.[1];
  if (index === undefined) throw new Error(`buf breaking: expected a path of a change, got ${path}`);
  return Number(index);
}

/** buf exits with 100 if it finds something. */
function linesOf(args: readonly string[], cwd: string): readonly string[] {
  try {
    return String(buf(args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] }))
      .trim()
      .split('\n');
  } catch (error) {
    const { status, stdout, stderr } = error as { status?: number; stdout: Buffer; stderr: Buffer };
    if (status !== 100) throw new Error(`buf ${args[0]}: ${String(stderr)}`);
    return String(stdout).trim().split('\n');
  }
}
