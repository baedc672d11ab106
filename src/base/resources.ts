/**
 * Resources have state (connections, breakers, counters, keys) that must survive a reload of the config. The key of a resource
 * contains everything that it depends on: if the new config asks for the same key, it gets the same resource. The users of a
 * resource are counted, and it is closed when the last one releases it. Settings that are passed with each use (a limit, a
 * time-out) are not part of the key.
 */
import { createHash } from 'node:crypto';

export interface Resource {
  close(): Promise<void>;
}

interface Held {
  readonly resource: Resource;
  count: number;
}

/** The resources that one user holds. */
export interface Lease {
  acquire: Resources['acquire'];
  /** Releases all resources that were acquired with this lease. */
  release(): Promise<void>;
}

export class Resources {
  private readonly held = new Map<string, Held>();

  /** Returns the resource with the key. If there is none, `create` makes it. Each call needs one later call of `release`. */
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

  /** Gives a resource back, and closes it if it has no other user. */
  async release(key: string): Promise<void> {
    const held = this.held.get(key);
    if (held === undefined) return;
    held.count--;
    if (held.count > 0) return;
    this.held.delete(key);
    await held.resource.close();
  }

  /** Returns a lease, with which its user can release all of its resources at once. */
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

/**
 * Returns the key of a resource that depends on `settings`. It contains only a digest of them, so it does not reveal secrets.
 */
export function settingsKey(kind: string, settings: unknown): string {
  const text = JSON.stringify(settings, (_name, value: unknown) => (value instanceof Map ? [...value] : value));
  return `${kind} ${createHash('sha256').update(text).digest('base64')}`;
}
