/**
 * Resources have state (connections, breakers, counters, keys) and outlive a snapshot. The key of a resource identifies
 * everything that it depends on: a new snapshot that asks for the same key gets the same resource. Its holders are
 * counted, and the last one to release it closes it. Settings that are passed with each use (a limit, a time-out) are
 * not in the key.
 */
import { createHash } from 'node:crypto';

export interface Resource {
  close(): Promise<void>;
}

interface Held {
  readonly resource: Resource;
  count: number;
}

/** The resources that one owner holds. */
export interface Lease {
  acquire: Resources['acquire'];
  /** Releases everything that was acquired so far. */
  release(): Promise<void>;
}

export class Resources {
  private readonly held = new Map<string, Held>();

  /** Returns the resource of `key`. `create` makes it if there is none yet. Each `acquire` needs one `release`. */
  acquire<R extends Resource>(key: string, create: () => R): R {
    const held = this.held.get(key);
    if (held === undefined) {
      const resource = create();
      this.held.set(key, { resource, count: 1 });
      return resource;
    }
    held.count++;
    return held.resource as R;
  }

  /** Releases the resource, and closes it if it has no other holder. */
  async release(key: string): Promise<void> {
    const held = this.held.get(key);
    if (held === undefined) return;
    held.count--;
    if (held.count > 0) return;
    this.held.delete(key);
    await held.resource.close();
  }

  /** Returns a lease for one owner, who releases all resources at once. */
  lease(): Lease {
    const keys: string[] = [];
    return {
      acquire: (key, create) => {
        const resource = this.acquire(key, create);
        keys.push(key);
        return resource;
      },
      release: async () => void (await Promise.all(keys.splice(0).map((key) => this.release(key)))),
    };
  }

  get size(): number {
    return this.held.size;
  }
}

/** Returns a key for the settings that a resource depends on. It does not reveal the secrets in them. */
export function settingsKey(kind: string, settings: unknown): string {
  const text = JSON.stringify(settings, (_name, value: unknown) => (value instanceof Map ? [...value] : value));
  return `${kind} ${createHash('sha256').update(text).digest('base64')}`;
}
