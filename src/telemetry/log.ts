/**
 * This module writes the log, one line for each entry. pino writes it, except for the lines of requests
 * (`request-line.ts`). `json` is for programs; `text` is for a person at a terminal:
 *
 *     {"level":"info","time":"2026-01-01T09:00:00.000Z","status":200,"msg":"request"}
 *     09:00:00.000 info  200  …
 *
 * Control characters are escaped in both formats, so that one entry cannot look like two. An error is written with its causes,
 * and with its stack unless it has a `code`. The values of headers with credentials are replaced.
 */
import { type Logger, pino } from 'pino';
import { escapeBeyondJson } from './json-text.js';
import {
  AUDITED_REASONS,
  LOG_ENTRIES,
  type LogEntry,
  type LogFields,
  type LogLevel,
  type LogText,
} from './log-entries.js';
import { Output, standardError } from './output.js';
import { type RequestEntry, requestLine } from './request-line.js';
import { textLine } from './text-line.js';

/**
 * The log has a method for each level, which takes the entries of that level in `log-entries.ts`:
 * `log.info({ signal: 'SIGTERM' }, 'draining')`. An error is passed under the key `err`.
 */
export type Log = { readonly [Level in LogLevel]: (fields: LogFields, text: LogText<Level>) => void } & {
  /** Writes the line of a request. If `err` is given, the line describes this error with its causes. */
  readonly request: (entry: Omit<RequestEntry, 'err'>, err?: Error) => void;
  /** Sets the lowest level that is written from now on. */
  readonly setLevel: (level: LogLevel) => void;
  /** Closes the audit file, which may have been renamed. The next line opens its path again. */
  readonly reopen: () => void;
};

export interface LogOptions {
  /** The format. The default is text if standard error is a terminal, and JSON otherwise. */
  readonly format?: 'json' | 'text' | undefined;
  /** The lowest level that is written. The default is `info`. */
  readonly level?: LogLevel;
  /** True for colours in text. The default is true on a terminal, unless NO_COLOR is set. */
  readonly colors?: boolean;
  /** The path of the audit file, which also gets the entries about access and reloads, as JSON, whatever the level is. */
  readonly audit?: string | undefined;
  /** The destination. The default is standard error. */
  readonly destination?: LogDestination;
}

export interface LogDestination {
  /** Takes a whole line, with its end. */
  write(line: string): unknown;
  /** Takes a line that may be written a moment later, together with others. Without it each line is written at once. */
  writeSoon?(line: string): unknown;
}

/** The levels from the lowest to the highest. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

const AUDITED_ENTRIES: ReadonlySet<string> = new Set(
  Object.entries<LogEntry>(LOG_ENTRIES).flatMap(([text, { audit }]) => (audit === true ? [text] : [])),
);

const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key'];

export function createLog({
  format = defaultFormat(),
  level = 'info',
  colors = hasColors(),
  audit: auditFile,
  destination = standardError,
}: LogOptions): Log {
  const render = format === 'json' ? escapeBeyondJson : (line: string) => textLine(line, colors);
  const logger = loggerTo(level, (line) => void destination.write(render(line)));
  const audit = auditFile === undefined ? undefined : new Output(auditFile);
  const auditor = audit && loggerTo('debug', (line) => audit.write(escapeBeyondJson(line)));
  const writeRequest = (line: string) => void (destination.writeSoon ?? destination.write).call(destination, line);
  let lowest = LEVELS.indexOf(level);
  const write = (at: LogLevel) => (fields: LogFields, text: string) => {
    logger[at](fields, text);
    if (auditor !== undefined && AUDITED_ENTRIES.has(text)) auditor[at](fields, text);
  };
  return {
    request(entry, err) {
      const isWritten = LEVELS.indexOf(entry.level) >= lowest;
      const isAudited = audit !== undefined && entry.reason !== undefined && AUDITED_REASONS.has(entry.reason);
      if (!isWritten && !isAudited) return;
      const line = requestLine(err === undefined ? entry : { ...entry, err: errorText(err) }, Date.now());
      if (isWritten) writeRequest(format === 'json' ? line : textLine(line, colors));
      if (isAudited) audit.writeSoon(line);
    },
    setLevel(next) {
      logger.level = next;
      lowest = LEVELS.indexOf(next);
    },
    reopen: () => audit?.reopen(),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}

function loggerTo(level: LogLevel, write: (line: string) => void): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: {
        paths: CREDENTIALS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
        censor: '[redacted]',
      },
    },
    { write },
  );
}

/** True if standard error is a terminal that shows colours and `NO_COLOR` is not set (no-color.org). */
function hasColors(): boolean {
  const { NO_COLOR = '', TERM } = process.env;
  return process.stderr.isTTY === true && NO_COLOR === '' && TERM !== 'dumb';
}

/** Returns the format of the log if the config has none. */
export function defaultFormat(): 'json' | 'text' {
  return process.stderr.isTTY === true ? 'text' : 'json';
}

interface ErrorEntry {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string | undefined;
  readonly cause?: ErrorEntry;
}

const MAX_CAUSES = 8;

/**
 * Describes an error with its chain of up to 8 causes. An error with a `code`, such as a StatusError, is an expected outcome,
 * so its stack is left out.
 */
function describeError(error: unknown, depth = 0): ErrorEntry {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { name, message, stack, cause } = error;
  const code = 'code' in error && ['string', 'number'].includes(typeof error.code) ? String(error.code) : undefined;
  return {
    type: name,
    message,
    ...(code === undefined ? { stack } : { code }),
    ...(cause === undefined || depth === MAX_CAUSES ? {} : { cause: describeError(cause, depth + 1) }),
  };
}

function errorText(error: Error): string {
  return escapeBeyondJson(JSON.stringify(describeError(error)));
}
