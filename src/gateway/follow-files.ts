/** This module reloads a gateway of the library when one of its files has changed, if its config says so (`schema.watch`). */
import { type ChangedPaths, PendingChanges } from '../base/changed-paths.js';
import { systemClock } from '../base/clock.js';
import type { Config, ConfigInput } from '../config/config.js';
import { FileWatch } from '../config/file-watch.js';
import { watchTargets } from '../config/watch-targets.js';
import type { Log } from '../telemetry/log.js';

interface Reloadable {
  /** The config that is served now. */
  readonly config: Config;
  /** Reloads the gateway. `changed` has the paths of the files that may have changed; without it, all files are checked. */
  reload(config?: ConfigInput, changed?: ChangedPaths): Promise<void>;
}

/**
 * Watches the files of a gateway, which were read at `readAtMs` (milliseconds since the epoch). From then on, the caller must
 * use the returned `reload`, because each reload may change which files must be watched.
 */
export function followFiles(gateway: Reloadable, log: Log, readAtMs: number): Reloadable & { close(): void } {
  let watch: FileWatch | undefined;
  const pending = new PendingChanges();
  let isAsked = false;
  let isRunning = false;
  follow(readAtMs);
  return {
    get config() {
      return gateway.config;
    },
    reload: (config) => reload(config),
    close: () => watch?.close(),
  };

  async function reload(config?: ConfigInput, changed?: ChangedPaths): Promise<void> {
    const nowMs = Date.now();
    await gateway.reload(config, changed);
    follow(nowMs);
  }

  function follow(sinceMs: number): void {
    const { config } = gateway;
    if (config.schema.watch) {
      watch ??= new FileWatch({ clock: systemClock, onChange, onUnwatched });
      void watch.follow(watchTargets(config, []), sinceMs);
    } else {
      watch?.close();
      watch = undefined;
    }
  }

  function onChange(more: ChangedPaths): void {
    isAsked = true;
    pending.add(more);
    if (!isRunning) void reloadWhileAsked();
  }

  /** Reloads the gateway. If files change meanwhile, it reloads once more. */
  async function reloadWhileAsked(): Promise<void> {
    const text = 'reload refused: the config and schema from before stay in use';
    isRunning = true;
    while (isAsked) {
      isAsked = false;
      await pending.use(reloadWith).catch((err: unknown) => log.error({ cause: 'watch', err }, text));
    }
    isRunning = false;
  }

  async function reloadWith(changed: ChangedPaths): Promise<true> {
    await reload(undefined, changed);
    return true;
  }

  function onUnwatched(err: unknown): void {
    log.warn({ err }, 'a folder cannot be watched: its files are compared every few seconds');
  }
}
