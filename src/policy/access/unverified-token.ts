/**
 * This module reads a token before it is verified, only to choose the issuer and the key. Nothing that it returns may
 * be trusted. It ignores `jwk`, `jku`, `x5u` and `x5c`, because a token must not bring its own key.
 */

import { isRecord, type OutsideRecord, own } from '../../base/record.js';
import { gatewayError, type StatusError } from '../../status/status-error.js';
import { isKeyId } from './jwk-set.js';

/** The largest length of a token in characters, so that it fits into a header beside others. */
export const MAX_TOKEN_LENGTH = 8192;

export interface UnverifiedToken {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly iss: string;
  /** The time at which the token expires, in seconds since the epoch. */
  readonly exp: number;
}

/** Returns a 401. `reason` names what was expected, and must not quote the token. `logText` is the text for the log. */
export function invalidToken(reason: string, logText?: string): StatusError {
  const options = logText === undefined ? {} : { logText: `token: ${logText}` };
  return gatewayError('INVALID_TOKEN', `token: ${reason}`, options);
}

/** Reads a compact JWS (RFC 7515 §7.1) of at most 8 KiB. Throws a StatusError (401). */
export function readUnverified(token: string): UnverifiedToken {
  if (token.length > MAX_TOKEN_LENGTH) throw invalidToken(`expected at most ${MAX_TOKEN_LENGTH} characters`);
  const parts = /^([\w-]+)\.([\w-]+)\.[\w-]+$/.exec(token);
  if (parts === null) throw invalidToken('expected a JWT: three base64url parts with dots between them');
  const header = readPart(parts[1]!, 'header');
  const payload = readPart(parts[2]!, 'payload');
  const [alg, kid] = [own(header, 'alg'), own(header, 'kid')];
  if (typeof alg !== 'string') throw invalidToken('alg: expected a string');
  if (kid !== undefined && !isKeyId(kid)) throw invalidToken('kid: expected a short string');
  if (Object.hasOwn(header, 'crit')) throw invalidToken('crit: expected no critical extensions, got some');
  const [iss, exp] = [own(payload, 'iss'), own(payload, 'exp')];
  if (typeof iss !== 'string') throw invalidToken('iss: expected a string');
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw invalidToken('exp: expected a number');
  return { alg, kid, iss, exp };
}

/** Returns the claims of a token that `readUnverified` has accepted. */
export function claimsOf(token: string): OutsideRecord {
  return readPart(token.split('.')[1] ?? '', 'payload');
}

function readPart(part: string, name: string): OutsideRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    // The error is thrown below, because the parser's message would quote the token.
  }
  if (!isRecord(parsed)) throw invalidToken(`expected a JSON object as ${name}, got another value`);
  return parsed;
}
