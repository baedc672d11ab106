/**
 * This module writes the log, one line for each entry. pino writes it, except for the lines of requests
 * (`request-line.ts`). `json` is for programs; `text` is for a person at a terminal:
 *
 *     {"level":"info","time":"2026-01-01T09:00:00.000Z","status":200,"msg":"request"}
 *     09:00:00.000 info  request  status=200
 *
 * Control characters are escaped in both formats, so that one entry cannot look like two. Errors are written with their
 * causes, and with the stack if they were not expected. The values of headers with credentials are replaced.
 */
import { type Logger, pino } from 'pino';
import { escapeBeyondJson, escapeCharacter } from './json-text.js';
import type { LogFields, LogLevel, LogText } from './log-entries.js';
import { standardError } from './output.js';
import { type RequestEntry, requestLine } from './request-line.js';

/**
 * The log has a method for each level, which takes the entries of that level in `log-entries.ts`:
 * `log.info({ signal: 'SIGTERM' }, 'draining')`. An error is passed under the key `err`.
 */
export type Log = { readonly [Level in LogLevel]: (fields: LogFields, text: LogText<Level>) => void } & {
  /** Writes the line of a request. `err` is the error that it ended with, if the line should have the whole of it. */
  readonly request: (entry: Omit<RequestEntry, 'err'>, err?: Error) => void;
  /** Sets the lowest level that is written from now on. */
  readonly setLevel: (level: LogLevel) => void;
};

export interface LogOptions {
  /** The format. The default is text if standard error is a terminal, and JSON otherwise. */
  readonly format?: 'json' | 'text' | undefined;
  /** The lowest level that is written. The default is `info`. */
  readonly level?: LogLevel;
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

const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key'];

export function createLog({ format = defaultFormat(), level = 'info', destination = standardError }: LogOptions): Log {
  const render = format === 'json' ? escapeBeyondJson : toText;
  const logger: Logger = pino(
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
    { write: (line) => void destination.write(render(line)) },
  );
  const writeRequest = (line: string) => void (destination.writeSoon ?? destination.write).call(destination, line);
  let lowest = LEVELS.indexOf(level);
  return {
    request(entry, err) {
      if (LEVELS.indexOf(entry.level) < lowest) return;
      const line = requestLine(err === undefined ? entry : { ...entry, err: errorText(err) }, Date.now());
      writeRequest(format === 'json' ? line : toText(line));
    },
    setLevel(next) {
      logger.level = next;
      lowest = LEVELS.indexOf(next);
    },
    debug: (fields, text) => logger.debug(fields, text),
    info: (fields, text) => logger.info(fields, text),
    warn: (fields, text) => logger.warn(fields, text),
    error: (fields, text) => logger.error(fields, text),
  };
}

function defaultFormat(): 'json' | 'text' {
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
 * Describes an error with its chain of causes. An error with a code, such as a StatusError, is an expected outcome, so
 * its stack is left out.
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

/** Turns a line of JSON into a line for people: the time of day, the level, the text, and the fields. */
function toText(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => `${bare(key)}=${bare(value)}`);
  const head = `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${escapeControls(String(msg))}`;
  return `${[head, rest.join(' ')].filter((part) => part !== '').join('  ')}\n`;
}

/** Returns a value without quotes if it is one word, and as JSON otherwise. */
function bare(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@*{}=-]+$/.test(value) ? value : escapeControls(JSON.stringify(value));
}

function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return escapeBeyondJson(text).replace(/[\u0000-\u001f]/g, escapeCharacter);
}
