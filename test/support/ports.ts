/** For what can't choose a port by itself and tell it. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that systems give to whoever asks for any, and so is what is 10,000 above: Redis takes that for a Cluster. */
const [LOWEST, HIGHEST] = [12_000, 22_000];

/** A port of 127.0.0.1 that nobody has at the moment, and nobody is given by chance. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    const server = createServer().listen(port, '127.0.0.1');
    const taken = await once(server, 'listening').then(
      () => false,
      () => true,
    );
    if (taken) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
