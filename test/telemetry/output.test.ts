/** A log that can't be written: no line makes the process wait or end, and what is not written is counted. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { saySkipped } from '../support/commands.js';

const OUTPUT = new URL('../../src/telemetry/output.js', import.meta.url).href;
const MEMORY = new URL('../support/memory.js', import.meta.url).href;
/** Some bytes more than may wait, and far fewer than the lines of a test have. */
const MOST_HELD = 8 << 20;
const LINE = `${'a'.repeat(499)}\n`;

/** Starts a process that runs `body`, which writes to standard error with `write` and sends what it finds with `tell`. */
function start(t: ExecutionContext, body: string, stderr: 'pipe' | number | Writable = 'pipe'): ChildProcess {
  const program = `import { standardError, droppedLines } from ${JSON.stringify(OUTPUT)};
    import { heldBytes } from ${JSON.stringify(MEMORY)};
    const write = (count) => { for (let i = 0; i < count; i++) standardError.write(${JSON.stringify(LINE)}); };
    const tell = (what) => new Promise((resolve) => process.send(what, resolve));
    const turn = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  return child;
}

async function told(child: ChildProcess): Promise<{ readonly dropped: number; readonly grownBytes: number }> {
  const [message] = await once(child, 'message');
  return message as { dropped: number; grownBytes: number };
}

async function read(child: ChildProcess): Promise<string> {
  let text = '';
  child.stderr!.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(child, 'close');
  return text;
}

const TELL = 'await tell({ dropped: droppedLines(), grownBytes: heldBytes() - before });';

test('a bounded number of lines waits for a pipe without a reader, the rest is counted, and the process ends', async (t) => {
  const child = start(
    t,
    `write(1); const before = heldBytes();
    for (let i = 0; i < 100; i++) { write(1000); await turn(0); } ${TELL} process.exit(0);`,
  );
  const { dropped, grownBytes } = await told(child);
  t.true(dropped > 90_000, `${dropped} of 100,000 lines`);
  t.true(grownBytes < MOST_HELD, `${grownBytes} bytes`);
  const [code] = await once(child, 'exit');
  t.is(code, 0);
});

test('a child process that shares the pipe does not make writes wait', async (t) => {
  const child = start(
    t,
    `const { spawnSync } = await import('node:child_process'); const before = 0;
    write(1); spawnSync(process.execPath, ['-e', '1'], { stdio: 'inherit' }); write(10_000); ${TELL} process.exit(0);`,
  );
  t.true((await told(child)).dropped > 5000);
  const [code] = await once(child, 'exit');
  t.is(code, 0);
});

test('lines that wait are written whole and in order when the log is read again', async (t) => {
  const child = start(
    t,
    `process.once('message', () => process.disconnect());
    for (let i = 0; i < 1000; i++) standardError.write(i + ' ' + ${JSON.stringify(LINE)});
    await tell({ dropped: droppedLines() });`,
  );
  t.is((await told(child)).dropped, 0);
  const reader = createInterface({ input: child.stderr! });
  const lines: string[] = [];
  // At its end the process waits only for a short time for a reader, so it ends when all is read.
  for await (const line of reader) if (lines.push(line) === 1000) child.send('end');
  t.is(lines.length, 1000);
  t.true(lines.every((line, index) => line === `${index} ${LINE.slice(0, -1)}`));
});

for (const [how, end] of [
  ['by process.exit', 'process.exit(3);'],
  ['by an exception', "throw new Error('boom');"],
] as const) {
  test(`what waits is written when the process ends ${how}`, async (t) => {
    // At its end the process waits only for a short time for a reader, and this process may be busy for longer.
    const file = join(mkdtempSync(join(tmpdir(), 'protogate-log-')), 'log');
    t.teardown(() => rmSync(dirname(file), { recursive: true }));
    const log = openSync(file, 'w');
    const reader = spawn('cat', { stdio: ['pipe', log, 'ignore'] });
    closeSync(log);
    const child = start(t, `write(1000); ${end}`, reader.stdin!);
    reader.stdin!.destroy();
    await Promise.all([once(child, 'exit'), once(reader, 'exit')]);
    const lines = readFileSync(file, 'latin1').split('\n');
    t.is(lines.filter((line) => line === LINE.slice(0, -1)).length, 1000);
    t.not(child.exitCode, 0);
  });
}

test('a pipe whose reader is gone ends nothing, and each line is counted', async (t) => {
  const child = start(
    t,
    `process.once('message', async () => { const before = 0; write(10); await turn(10); ${TELL} process.exit(0); });
    await tell({ dropped: 0 });`,
  );
  await told(child);
  child.stderr!.destroy();
  child.send('go');
  t.is((await told(child)).dropped, 10);
  const [code] = await once(child, 'exit');
  t.is(code, 0);
});

test('lines that may wait are written together, in order with those that may not, also at the end of the process', async (t) => {
  const child = start(
    t,
    `standardError.writeSoon('1\\n'); standardError.writeSoon('2\\n'); standardError.write('3\\n');
    standardError.writeSoon('4\\n'); await turn(100); standardError.writeSoon('5\\n'); process.exit(0);`,
  );
  t.is(await read(child), '1\n2\n3\n4\n5\n');
});

test('a bounded number of delayed lines waits for a reader, and each other one is counted', async (t) => {
  const child = start(
    t,
    `const before = heldBytes();
    for (let i = 0; i < 100; i++) { for (let k = 0; k < 1000; k++) standardError.writeSoon(${JSON.stringify(LINE)}); await turn(0); }
    ${TELL} process.exit(0);`,
  );
  const { dropped, grownBytes } = await told(child);
  t.true(dropped > 90_000 && dropped < 100_000, `${dropped} of 100,000 lines`);
  t.true(grownBytes < MOST_HELD, `${grownBytes} bytes`);
});

const hasFull = existsSync('/dev/full');
if (!hasFull) saySkipped('no /dev/full on this system: the test of a full disk is SKIPPED');

(hasFull ? test : test.skip)('a full disk ends nothing, and each line is counted', async (t) => {
  const full = openSync('/dev/full', 'w');
  const child = start(t, `const before = 0; write(10); ${TELL} process.exit(0);`, full);
  closeSync(full);
  t.is((await told(child)).dropped, 10);
  const [code] = await once(child, 'exit');
  t.is(code, 0);
});

/** Runs a shell command with a disk of 64 KiB at `$disk`. Returns undefined if this user may not mount one. */
function withSmallDisk(command: string): string | undefined {
  const mounted = 'mount -t tmpfs -o size=64k none "$disk" && echo mounted >&2 &&';
  const disk = mkdtempSync(join(tmpdir(), 'protogate-disk-'));
  try {
    const args = ['-rm', 'sh', '-c', `${mounted} { ${command}; }`];
    const { stdout, stderr } = spawnSync('unshare', args, { env: { ...process.env, disk }, encoding: 'latin1' });
    return stderr?.startsWith('mounted') ? stdout : undefined;
  } finally {
    rmSync(disk, { recursive: true, force: true });
  }
}

test('a log file on a disk that gets full and free again: cut lines are counted and harm no other', (t) => {
  const program = `import { standardError, droppedLines } from ${JSON.stringify(OUTPUT)};
    import { rmSync, writeFileSync } from 'node:fs';
    const write = (what, count) => { for (let i = 0; i < count; i++) standardError.write(JSON.stringify({ what, text: 'a'.repeat(500) }) + '\\n'); };
    writeFileSync(process.env.disk + '/other', Buffer.alloc(16384));
    write('before', 200);
    const dropped = droppedLines();
    rmSync(process.env.disk + '/other');
    write('after', 10);
    console.log(JSON.stringify({ dropped, altogether: droppedLines() }));`;
  const file = join(mkdtempSync(join(tmpdir(), 'protogate-program-')), 'program.mjs');
  writeFileSync(file, program);
  t.teardown(() => rmSync(dirname(file), { recursive: true, force: true }));
  const found = withSmallDisk(`"${process.execPath}" "${file}" 2>"$disk/log"; cat "$disk/log"`);
  if (found === undefined) {
    saySkipped('no disk can be mounted here: the test of a full disk with a log file is SKIPPED');
    return t.pass();
  }
  const [counts = '', ...lines] = found.trimEnd().split('\n');
  const { dropped, altogether } = JSON.parse(counts) as { dropped: number; altogether: number };
  const whats = lines.flatMap((line) => (line.endsWith('}') ? [(JSON.parse(line) as { what: string }).what] : []));
  const cut = lines.length - whats.length;
  t.is(altogether, dropped);
  t.is(whats.filter((what) => what === 'after').length, 10);
  t.is(whats.filter((what) => what === 'before').length, 200 - dropped);
  t.true(cut <= 1, `${cut} cut lines`);
  t.true(dropped > 50, `${dropped} dropped`);
});
