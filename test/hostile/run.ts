/**
 * `npm run hostile`: sends each request of the table to a gateway, and prints what it must get and what it got. Exits with 1 if
 * an answer is another one, has another shape than errors have, or if a request reached the upstream.
 */
import { verdictOnStatus } from '../fuzz/oracle.js';
import { startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { HEADS } from './heads.js';
import { raw } from './raw.js';

const tasks: (() => void | Promise<void>)[] = [];
const { port, upstream } = await startGateway(
  { teardown: (task) => void tasks.push(task) },
  LIBRARY,
  {},
  { limits: { headerBytes: '8KiB' }, listen: { headersTimeout: '1s' } },
);
let wrong = 0;
for (const { fact, text, status } of HEADS) {
  const answer = await raw(port, text);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const got = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0);
  const verdict = got === status ? verdictOnStatus(Buffer.from(body, 'latin1')) : `got ${got}`;
  if (verdict !== undefined) wrong++;
  process.stdout.write(
    `${verdict === undefined ? 'ok   ' : 'WRONG'} ${status}  ${fact}${verdict === undefined ? '' : `: ${verdict}`}\n`,
  );
}
process.stdout.write(`${HEADS.length} requests, ${wrong} wrong, ${upstream.calls.length} reached the upstream\n`);
for (const task of tasks.reverse()) await task();
process.exit(wrong > 0 || upstream.calls.length > 0 ? 1 : 0);
