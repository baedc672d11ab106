/** Finds a free port for programs that cannot choose one and report it. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The range is below the ports that systems assign to any program, and so is the port 10,000 above, which Redis uses for
 * its cluster.
 */
const [LOWEST, HIGHEST] = [12_000, 22_000];

/** Returns a port of 127.0.0.1 that is free now, and that the system assigns to no program by chance. */
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
