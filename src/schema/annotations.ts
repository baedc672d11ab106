/**
 * This module has the types of the options that protogate reads. `google.api.http` is typed here. `protogate.v1.policy`,
 * `default_policy` and `aggregate` are passed on as {@link OptionMessage}s to `policy/` and `aggregate/`, which interpret them.
 * Different code reads `.proto` text and descriptor sets, but makes the same option tree of them.
 */
import type { Position } from '../base/diagnostic.js';

/** google.api.HttpRule (google/api/http.proto), with the place of each value. */
export interface HttpRule {
  /** `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, or the kind of a custom rule as written. */
  readonly kind: string;
  /** The path template as it is written. */
  readonly path: string;
  /** `*`, a field of the request, or empty. */
  readonly body: string;
  /** A field of the response, or empty. */
  readonly responseBody: string;
  readonly additionalBindings: readonly HttpRule[];
  readonly positions: {
    readonly rule: Position;
    /**
     * The position of the path's first character inside the quotes, so that a template's columns can be added to it.
     */
    readonly path: Position;
    readonly body: Position;
    readonly responseBody: Position;
  };
}
