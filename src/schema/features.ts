/**
 * This module resolves the features of editions: file, then message, then field (protobuf.dev/editions/features).
 * proto2 and proto3 are editions with fixed features.
 */

export interface Features {
  readonly fieldPresence: 'EXPLICIT' | 'IMPLICIT' | 'LEGACY_REQUIRED';
  readonly packed: boolean;
  readonly validateUtf8: boolean;
  readonly delimited: boolean;
  readonly closedEnums: boolean;
}

const PROTO2: Features = {
  fieldPresence: 'EXPLICIT',
  packed: false,
  validateUtf8: false,
  delimited: false,
  closedEnums: true,
};
const PROTO3: Features = {
  fieldPresence: 'IMPLICIT',
  packed: true,
  validateUtf8: true,
  delimited: false,
  closedEnums: false,
};
const EDITIONS: Features = { ...PROTO3, fieldPresence: 'EXPLICIT' };

/** Returns the features of a file by its `syntax` or `edition`. A file without either is proto2. */
export function featuresOf(syntax: string | undefined): Features {
  if (syntax === 'proto3') return PROTO3;
  return syntax === undefined || syntax === 'proto2' ? PROTO2 : EDITIONS;
}

/** Applies the `features` options of an inner scope. Values are names; unknown ones change nothing. */
export function overrideFeatures(outer: Features, options: Readonly<Record<string, unknown>> | undefined): Features {
  if (options === undefined) return outer;
  const presence = options.field_presence;
  return {
    fieldPresence:
      presence === 'EXPLICIT' || presence === 'IMPLICIT' || presence === 'LEGACY_REQUIRED'
        ? presence
        : outer.fieldPresence,
    packed: choose(options.repeated_field_encoding, 'PACKED', 'EXPANDED', outer.packed),
    validateUtf8: choose(options.utf8_validation, 'VERIFY', 'NONE', outer.validateUtf8),
    delimited: choose(options.message_encoding, 'DELIMITED', 'LENGTH_PREFIXED', outer.delimited),
    closedEnums: choose(options.enum_type, 'CLOSED', 'OPEN', outer.closedEnums),
  };
}

function choose(value: unknown, yes: string, no: string, inherited: boolean): boolean {
  return value === yes ? true : value === no ? false : inherited;
}
