/**
 * The log: pino underneath, one entry a line. `json` is for machines; `text` is for a person at a terminal:
 *
 *     {"level":"info","time":"2026-01-01T09:00:00.000Z","status":200,"msg":"request"}
 *     09:00:00.000 info  request  status=200
 *
 * Control characters are escaped in both, so that no entry can pretend to be two. Errors are written with their causes;
 * with the stack where nobody meant to throw. Credentials are struck out wherever a header of that name is logged.
 */
import { type Logger, destination as openDestination, pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
type LogMethod = (fields: Readonly<Record<string, unknown>>, text: string) => void;

/** `log.info({ upstream: 'orders' }, 'connected')`; an error goes under `err`. */
export type Log = Readonly<Record<LogLevel, LogMethod>>;

export interface LogOptions {
  /** Default: text when standard error is a terminal, else JSON. */
  readonly format?: 'json' | 'text' | undefined;
  /** The least level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Takes whole lines. Default: standard error. */
  readonly destination?: { write(line: string): unknown };
}

const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key'];

export function createLog({
  format = defaultFormat(),
  level = 'info',
  destination = standardError(),
}: LogOptions): Log {
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
  return {
    debug: (fields, text) => logger.debug(fields, text),
    info: (fields, text) => logger.info(fields, text),
    warn: (fields, text) => logger.warn(fields, text),
    error: (fields, text) => logger.error(fields, text),
  };
}

/** A terminal that was closed takes no line any more (EIO): that ends no drain. */
function standardError() {
  return openDestination(2).on('error', () => {});
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

/** An error with its chain of causes. What is a StatusError, or has a code, is an outcome; a stack would not help. */
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

/** A line of pino's → a line for people: the time of day, the level, the text, then the fields. */
function toText(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => `${bare(key)}=${bare(value)}`);
  const head = `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${escapeControls(String(msg))}`;
  return `${[head, rest.join(' ')].filter((part) => part !== '').join('  ')}\n`;
}

/** A value without quotes, if it is one word; JSON otherwise. */
function bare(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@*{}=-]+$/.test(value) ? value : escapeControls(JSON.stringify(value));
}

function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return escapeBeyondJson(text).replace(/[\u0000-\u001f]/g, escapeCharacter);
}

/** JSON leaves DEL, C1 and the line separators as they are; terminals and log viewers act on them. */
function escapeBeyondJson(text: string): string {
  return text.replace(/[\u007f-\u009f\u2028\u2029]/g, escapeCharacter);
}

function escapeCharacter(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
