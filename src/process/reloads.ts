/**
 * Reloads config and schema while the gateway serves. Reloads run one after the other. Requests for a reload that come during a
 * reload become one reload afterwards, which reads the files once more. A config or schema with an error is refused as a whole.
 *
 *     read config ─▶ restart needed? ─▶ load schema, plan ─▶ prepare ─▶ swap
 *          └───────────────┴──────────────────┴────────────────┴────▶ refused: the old snapshot serves on
 */
import { type ChangedPaths, PendingChanges } from '../base/changed-paths.js';
import type { Clock } from '../base/clock.js';
import { type Diagnostic, errorAt, formatDiagnostic } from '../base/diagnostic.js';
import { changedSettings } from '../config/changes.js';
import type { Config } from '../config/config.js';
import { FileWatch } from '../config/file-watch.js';
import { type PlaceOf, restartProblems } from '../config/restart.js';
import { watchTargets } from '../config/watch-targets.js';
import { type Plan, plan } from '../gateway/plan.js';
import type { PlannedRoute } from '../route/planned-route.js';
import type { Schema } from '../schema/source.js';
import type { Log } from '../telemetry/log.js';
import type { ReloadMetrics } from '../telemetry/metrics.js';
import type { ServiceManager } from './service-manager.js';

/** The result of reading the config again. The flags of the command line are applied to it. */
export interface ReadConfig {
  /** Undefined if it has errors. */
  readonly config: Config | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Finds the position of a key in the config file. */
  readonly placeOf: PlaceOf;
  /** The files that were read: the config file, and those of `${file:PATH}`. */
  readonly configFiles: readonly string[];
  /** The digest of the config file; undefined if there is none. */
  readonly configHash: string | undefined;
}

/** A snapshot that is built and does not serve yet. Exactly one of the two functions must be called. */
export interface Prepared {
  swap(): void | Promise<void>;
  discard(): Promise<void>;
}

/** A source from which the config can be read again. */
export interface ConfigSource {
  /** The name of the config in diagnostics that have no line in it. */
  readonly configFile: string;
  /** The files that were read at the start. */
  readonly configFiles: readonly string[];
  /** The time at which they were read, in milliseconds since the epoch. */
  readonly readAtMs: number;
  /** The digest of the config file at the start; undefined if there is none. */
  readonly configHash: string | undefined;
  /** Reads the config file again and applies the flags. */
  readonly read: () => Promise<ReadConfig>;
}

export interface ReloadParts {
  /** Builds the snapshot of a plan without errors. */
  readonly prepare: (plan: Plan) => Promise<Prepared>;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: ReloadMetrics;
  readonly manager: ServiceManager;
}

/** The cause of a reload. */
export type ReloadCause = 'SIGHUP' | 'watch';

/** The result of the latest attempt to load config and schema, for `/readyz`. The start counts as the first attempt. */
export interface ReloadState {
  /** True if the config and schema that were read last are served, false if they were refused. */
  readonly success: boolean;
  /** The time at which the attempt ended, as an ISO 8601 text. */
  readonly at: string;
  /** The digest of the config file that is served; absent if there is none. */
  readonly config?: string;
  /** The first errors of the attempt that was refused. */
  readonly problems?: readonly string[];
  readonly moreProblems?: number;
}

/** The most errors, new warnings, changed files or changed routes that one log entry or `/readyz` lists. */
const SHOWN = 20;

class Refusal extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems[0]);
  }
}

export class Reloads {
  private asked: ReloadCause | undefined;
  private readonly pending = new PendingChanges();
  private isRunning = false;
  private isDraining = false;
  private configHash: string | undefined;
  private watch: FileWatch | undefined;
  private latest: ReloadState;

  /** `served` is the plan that is served. Without a `source`, no reload may be requested. */
  constructor(
    private served: Plan,
    private readonly source: ConfigSource | undefined,
    private readonly parts: ReloadParts,
  ) {
    this.configHash = source?.configHash;
    this.latest = this.taken();
  }

  /** The plan that is served. */
  get plan(): Plan {
    return this.served;
  }

  get state(): ReloadState {
    return this.latest;
  }

  /**
   * Asks for a reload, which begins at once or when the running one has ended. `changed` has the files that have changed. If it
   * is absent, all files are compared.
   */
  request(cause: ReloadCause, changed?: ChangedPaths): void {
    if (this.isDraining) return this.dropped(cause);
    this.asked = cause;
    this.pending.add(changed);
    if (!this.isRunning) void this.run();
  }

  /** Must be called when the gateway begins to serve. */
  begin(): void {
    this.parts.manager.ready('serving');
    if (this.source !== undefined) this.follow(this.served.config, this.source.configFiles, this.source.readAtMs);
  }

  /** Must be called when the gateway begins to drain. After that, no snapshot is swapped. */
  drain(): void {
    this.isDraining = true;
    this.watch?.close();
    this.parts.manager.stopping();
  }

  private async run(): Promise<void> {
    const { manager } = this.parts;
    this.isRunning = true;
    manager.reloading();
    for (let cause = this.asked; cause !== undefined; cause = this.asked) {
      this.asked = undefined;
      await this.reload(cause);
    }
    this.isRunning = false;
    if (!this.isDraining) manager.ready(this.latest.success ? 'serving' : 'serving; the last reload was refused');
  }

  private async reload(cause: ReloadCause): Promise<void> {
    const { log, clock } = this.parts;
    const startedAt = clock.monotonic();
    const durationMs = () => Math.round(clock.monotonic() - startedAt);
    try {
      const before = { plan: this.served, hash: this.configHash };
      const isSwapped = await this.pending.use((changed) => this.attempt(changed));
      if (!isSwapped) return this.dropped(cause);
      this.latest = this.taken();
      const changes = changesBetween(before.plan, this.served);
      const hashes = { before: before.hash, config: this.configHash };
      log.info({ cause, durationMs: durationMs(), ...hashes, ...changes }, 'reloaded');
      this.warn(newWarnings(before.plan, this.served));
    } catch (error) {
      if (this.isDraining) return this.dropped(cause);
      const all = error instanceof Refusal ? error.problems : [String(error)];
      const shown = {
        problems: all.slice(0, SHOWN),
        ...(all.length > SHOWN ? { moreProblems: all.length - SHOWN } : {}),
      };
      this.latest = { ...this.latest, success: false, at: new Date(clock.now()).toISOString(), ...shown };
      this.parts.metrics.refused();
      log.error(
        { cause, durationMs: durationMs(), ...shown, ...(error instanceof Refusal ? {} : { err: error }) },
        'reload refused: the config and schema from before stay in use',
      );
    }
  }

  /** Makes one reload. Returns false if the gateway drains by now. Throws if the new config or schema cannot be served. */
  private async attempt(changed: ChangedPaths): Promise<boolean> {
    const { configFile, read } = this.source!;
    const readAtMs = this.parts.clock.now();
    const { config, diagnostics, placeOf, configFiles, configHash } = await read();
    // A config that is refused is watched too, because the error may be in one of its files.
    if (config !== undefined) this.follow(config, configFiles, readAtMs);
    refuse(diagnostics);
    // If there is no config, the diagnostics have the reason, and `refuse` has thrown it.
    if (config === undefined) throw new Error('the config cannot be read');
    refuse(restartProblems(this.served.config, config, placeOf));
    if (config.upstreams.size === 0) {
      refuse([errorAt(placeOf(['upstreams']), 'no-upstreams', 'upstreams: expected at least one, got none')]);
    }
    const planned = await plan(config, { configFile, previous: this.served, changed });
    refuse(planned.diagnostics);
    const prepared = await this.parts.prepare(planned);
    if (this.isDraining) {
      await prepared.discard();
      return false;
    }
    await prepared.swap();
    this.served = planned;
    this.configHash = configHash;
    return true;
  }

  /** Logs warnings as at the start, but only the first ones, because one change of a large schema can cause thousands. */
  private warn(warnings: readonly Diagnostic[]): void {
    for (const [index, one] of warnings.slice(0, SHOWN).entries()) {
      const isLast = index === SHOWN - 1 && warnings.length > SHOWN;
      const more = isLast ? { moreProblems: warnings.length - SHOWN } : {};
      this.parts.log.warn({ problem: formatDiagnostic(one), ...more }, 'warning about the config or the protos');
    }
  }

  /** Watches the files of the config and the schema if `schema.watch` is true, and otherwise stops watching. */
  private follow(config: Config, configFiles: readonly string[], readAtMs: number): void {
    if (!config.schema.watch) {
      this.watch?.close();
      this.watch = undefined;
      return;
    }
    const { clock, log } = this.parts;
    this.watch ??= new FileWatch({
      clock,
      onChange: (changed) => this.request('watch', changed),
      onUnwatched: (error) =>
        log.warn({ err: error }, 'a folder cannot be watched: its files are compared every few seconds'),
    });
    void this.watch.follow(watchTargets(config, configFiles), readAtMs);
  }

  private taken(): ReloadState {
    const { configHash } = this;
    const nowMs = this.parts.clock.now();
    this.parts.metrics.taken(configHash, nowMs);
    return {
      success: true,
      at: new Date(nowMs).toISOString(),
      ...(configHash === undefined ? {} : { config: configHash }),
    };
  }

  private dropped(cause: ReloadCause): void {
    this.parts.log.warn({ cause }, 'reload ignored: the gateway is draining');
  }
}

/** Returns the changes of a reload, for the log. A field without changes is undefined. */
function changesBetween(
  before: Plan,
  after: Plan,
): Partial<Record<'changed' | 'filesChanged' | 'routesAdded' | 'routesRemoved', unknown>> {
  const [was, is] = [before, after].map(({ routes }) => new Set(routes.map(nameOf))) as [Set<string>, Set<string>];
  return {
    changed: some(changedSettings(before.config, after.config)),
    filesChanged: some(changedFiles(before.schema, after.schema)),
    routesAdded: some([...is].filter((route) => !was.has(route))),
    routesRemoved: some([...was].filter((route) => !is.has(route))),
  };
}

/**
 * Returns the names of the files of the schema that were changed, added or removed. A file that has not changed is not parsed
 * again, so both schemas have the same object for it.
 */
function changedFiles({ files: before }: Schema, { files: after }: Schema): readonly string[] {
  if (before === after) return [];
  const without = (some: Schema['files'], files: Schema['files']) => {
    const known = new Set(files.map(({ declaration }) => declaration));
    return some.filter(({ declaration }) => !known.has(declaration));
  };
  const differing = [...without(after, before), ...without(before, after)];
  return [...new Set(differing.map(({ declaration }) => declaration.name))].toSorted();
}

/**
 * Returns the warnings of a plan that the plan before it does not have. Lines, columns and the indexes of lists are not
 * compared: they change when something above them does.
 */
function newWarnings(before: Plan, after: Plan): readonly Diagnostic[] {
  const known = new Set(before.diagnostics.map(withoutPlace));
  return after.diagnostics.filter((one) => !known.has(withoutPlace(one)));
}

function withoutPlace({ rule, text, position: { file } }: Diagnostic): string {
  return `${file}: ${text.replace(/\.\d+(?=[.:])/g, '')} [${rule}]`;
}

function nameOf({ surface, basePath, binding: { httpMethod, template } }: PlannedRoute): string {
  const name = `${httpMethod} ${basePath}${template.text}`;
  return surface === 'default' ? name : `${name} (surface ${surface})`;
}

function some(all: readonly string[]): readonly string[] | undefined {
  return all.length === 0 ? undefined : all.slice(0, SHOWN);
}

function refuse(diagnostics: readonly Diagnostic[]): void {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Refusal(errors.map(formatDiagnostic));
}
