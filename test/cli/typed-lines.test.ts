/** `readTypedLines`: lines that come in any pieces, and input that never has a line end. */
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import test from 'ava';
import { readTypedLines } from '../../src/cli/typed-lines.js';

test('lines are joined from pieces, and empty ones are left out', async (t) => {
  const input = Readable.from(
    ['sto', 'p catalog\n\n  start catalog\r\nal', 'l\nrest'].map((text) => Buffer.from(text)),
  );
  const lines: string[] = [];
  readTypedLines(input, (line) => void lines.push(line));
  await once(input, 'end');
  t.deepEqual(lines, ['stop catalog', 'start catalog', 'all']);
});

test('input without a line end is not read any more after 4,096 characters', async (t) => {
  let sent = 0;
  const input = Readable.from(
    (function* () {
      for (; sent < 1000; sent++) yield Buffer.alloc(1024);
    })(),
  );
  readTypedLines(input, () => t.fail('no line was typed'));
  await once(input, 'pause');
  t.true(sent < 100, `${sent} KiB were taken`);
});

test('no line is read after close', async (t) => {
  const input = new PassThrough();
  const lines: string[] = [];
  const typed = readTypedLines(input, (line) => {
    lines.push(line);
    typed.close();
  });
  const paused = once(input, 'pause');
  input.write('one\n');
  await paused;
  input.write('two\n');
  await new Promise(setImmediate);
  t.deepEqual(lines, ['one']);
});
