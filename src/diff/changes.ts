/**
 * This module lists every kind of change that `diff` reports, with its severities and with its meaning for REST clients.
 * docs/diff.md has the list.
 */

/**
 * The severity of a change: `breaking` breaks every client that uses what has changed, `risky` breaks some of them, depending
 * on their values or on how they are written, and `safe` breaks none.
 */
export type Severity = 'breaking' | 'risky' | 'safe';

interface Change {
  /** The severities that a finding of this kind can have. */
  readonly severities: readonly Severity[];
  readonly meaning: string;
}

/** The id of a kind of change, such as `field-gone`. */
export type ChangeId = keyof typeof CHANGES;

export const CHANGES = {
  'route-gone': { severities: ['breaking'], meaning: 'Requests of the route get 404 or 405.' },
  'route-moved': { severities: ['breaking'], meaning: 'The rpc has another method or path.' },
  'route-narrowed': {
    severities: ['breaking'],
    meaning: 'The path of the route matches only a part of the paths that it matched.',
  },
  'route-shadowed': {
    severities: ['breaking', 'risky'],
    meaning: 'A route that is more specific answers all (breaking) or some (risky) requests of other routes.',
  },
  'route-rpc': { severities: ['risky'], meaning: 'A request with the same method and path calls another rpc.' },
  'route-added': { severities: ['safe'], meaning: 'A route has been added.' },
  'surface-gone': { severities: ['breaking'], meaning: 'A surface has been removed.' },
  'surface-entrance': {
    severities: ['breaking'],
    meaning: 'A surface no longer answers some of its requests, because its hosts, base path or headers have changed.',
  },
  'surface-added': { severities: ['risky'], meaning: 'A new surface answers requests that another surface answered.' },
  'stream-kind': {
    severities: ['breaking', 'risky'],
    meaning:
      'The rpc streams, or no longer streams. A request that becomes a stream is risky, every other change is breaking.',
  },
  'body-rule': {
    severities: ['breaking'],
    meaning: '`body` has changed: fields move between the query and the body, or the body is another field.',
  },
  'response-body': {
    severities: ['breaking'],
    meaning: '`response_body` has changed, so the answer is another part of the response message.',
  },
  'success-status': {
    severities: ['breaking', 'risky'],
    meaning: 'Successful answers have another status. It is breaking if the new status is 204, which has no body.',
  },
  'path-variable': {
    severities: ['breaking', 'risky'],
    meaning: 'A path variable has another type, which refuses texts that the old type accepted.',
  },
  'message-type': {
    severities: ['breaking'],
    meaning: 'A request, an answer or a field has another message type, which has less than half of the old fields.',
  },
  'field-gone': {
    severities: ['breaking', 'risky'],
    meaning: 'A field has been removed. It is risky where requests may have unknown fields.',
  },
  'field-renamed': {
    severities: ['breaking', 'risky'],
    meaning: 'A field has another name in JSON. It is risky if only the name in the proto has changed.',
  },
  'field-type': {
    severities: ['breaking', 'risky', 'safe'],
    meaning: 'A field has another type. The severity depends on how both types are written in JSON.',
  },
  'field-required': {
    severities: ['breaking', 'risky'],
    meaning: 'A field of requests has become REQUIRED, or is new and REQUIRED. It is risky in the body of a PATCH.',
  },
  'field-behavior': {
    severities: ['breaking', 'risky'],
    meaning: 'A field has become INPUT_ONLY (breaking in answers), or OUTPUT_ONLY or IMMUTABLE (risky in requests).',
  },
  'field-presence': {
    severities: ['risky'],
    meaning: 'A field has become `optional`, or is no longer `optional`, so its default value is written differently.',
  },
  'field-added': {
    severities: ['safe', 'risky'],
    meaning: 'Fields have been added. A new member of a oneof in answers is risky.',
  },
  'oneof-joined': {
    severities: ['breaking', 'risky'],
    meaning: 'A field has become a member of a oneof, so it excludes other fields.',
  },
  'enum-value-gone': {
    severities: ['breaking', 'risky'],
    meaning: 'A value of an enum has been removed. It is risky where only answers have it.',
  },
  'enum-value-renamed': {
    severities: ['breaking'],
    meaning:
      'The number of an enum value has another name, so answers have the new name, or requests with the old one get 400.',
  },
  'enum-value-number': {
    severities: ['breaking', 'risky'],
    meaning: 'A value of an enum has another number. It is breaking if answers have numbers (`json.enumsAsInts`).',
  },
  'enum-value-added': {
    severities: ['risky', 'safe'],
    meaning: 'A value has been added to an enum. It is risky in answers, because clients may not know it.',
  },
  'auth-mode': { severities: ['breaking', 'risky', 'safe'], meaning: 'A caller is demanded, or no longer demanded.' },
  scope: { severities: ['breaking', 'safe'], meaning: 'Callers need more scopes, or fewer.' },
  require: { severities: ['breaking', 'safe'], meaning: 'There are more `require` conditions, or fewer.' },
  addresses: { severities: ['risky'], meaning: 'Clients of fewer addresses may call.' },
  'rate-limit': { severities: ['risky'], meaning: 'A rate limit of routes or of a plan is new or lower.' },
  'time-limit': { severities: ['risky'], meaning: 'Calls have less time.' },
  'size-limit': {
    severities: ['risky'],
    meaning: 'Bodies, headers or answers must be smaller than before, or less deeply nested.',
  },
  'json-form': {
    severities: ['breaking', 'safe'],
    meaning: '`json.protoNames`, `json.enumsAsInts` or `json.emitDefaults` has changed.',
  },
  'unknown-fields': {
    severities: ['breaking'],
    meaning: 'Unknown fields of bodies or unknown query parameters, which were ignored, get 400.',
  },
  'error-format': {
    severities: ['breaking', 'risky'],
    meaning: '`errors.format` has changed, or `errors.expose` has fewer codes.',
  },
  header: { severities: ['risky'], meaning: 'Fewer headers pass from clients to services, or back.' },
  cors: { severities: ['breaking'], meaning: 'Pages of an origin may not call any more, or not with credentials.' },
  credential: {
    severities: ['breaking'],
    meaning:
      'Some tokens or keys are no longer accepted: an issuer, an audience, an algorithm or a header was removed.',
  },
} as const satisfies Readonly<Record<string, Change>>;
