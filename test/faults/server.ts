/**
 * A gRPC server of a scenario, as a process of its own: `node server.js HOST PORT`. It tells its parent the port, and the id of
 * each POST that it gets. The parent tells it how to answer.
 */
import { startUpstream } from '../support/upstream.js';
import { PROTO } from './notes.js';
import type { FromServer, Mode } from './servers.js';

const [host = '', port = '0'] = process.argv.slice(2);
let mode: Mode = 'well';
const tell = (message: FromServer) => process.send?.(message);

function reply(text: string) {
  if (mode === 'unavailable') return { status: { code: 14, message: 'overloaded' } };
  return { message: { text }, delayMs: mode === 'slow' ? 5000 : 2 };
}

const server = await startUpstream(
  PROTO,
  {
    Get: () => {
      tell({ got: 1 });
      return reply('got');
    },
    Make: ({ request }) => {
      tell({ made: (request as { id?: string }).id ?? '' });
      return reply('made');
    },
  },
  { host, port: Number(port) },
);
process.on('message', (next: Mode) => {
  mode = next;
});
process.on('disconnect', () => process.exit(0));
tell({ port: server.port });
