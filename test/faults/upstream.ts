/**
 * The gRPC server of the scenarios: prints its address, and serves until it is killed. Any message from its parent is answered
 * with the number of connections that were opened so far.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startUpstream } from '../support/upstream.js';
import { PROTO, STREAM } from './notes.js';

async function* messages() {
  for (let i = 0; i < STREAM.messages; i++) {
    if (i > 0) await sleep(STREAM.everyMs);
    yield { text: String(i) };
  }
}

const { target, connections } = await startUpstream(PROTO, {
  Get: { message: { text: 'got' }, delayMs: 5 },
  Make: { message: { text: 'made' } },
  Follow: () => ({ messages: messages() }),
});
process.stdout.write(`${target}\n`);
process.on('message', () => process.send?.(connections().total));
