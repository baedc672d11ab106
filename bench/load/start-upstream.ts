/** Starts a gRPC server that serves `shop.proto`, beside the gateway's clients. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Started, startOn } from '../peers/pinned.js';

export interface StartedUpstream extends Started {
  /** `HOST:PORT` of the server. */
  readonly target: string;
}

/** The command prints `listening on HOST:PORT`. Without a command, the server of this folder is started. */
export async function startUpstream(command = inNode()): Promise<StartedUpstream> {
  const started = startOn('others', command, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [line] = (await once(createInterface({ input: started.child.stdout! }), 'line')) as [string];
  return { ...started, target: line.replace('listening on ', '') };
}

function inNode(): readonly string[] {
  return [process.execPath, fileURLToPath(new URL('./upstream.js', import.meta.url))];
}
