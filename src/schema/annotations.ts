/**
 * The typed options that protogate reads: `google.api.http`, `protogate.v1.policy`, `default_policy`, `aggregate`.
 * The reader is one; `.proto` text and descriptor sets reach it by two front ends that give the same tree.
 */
import type { Position } from '../base/diagnostic.js';

/** google.api.HttpRule (google/api/http.proto), with the place of each value. */
export interface HttpRule {
  /** `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, or the kind of a custom rule as written. */
  readonly kind: string;
  /** The path template as written. */
  readonly path: string;
  /** `*`, a field of the request, or empty. */
  readonly body: string;
  /** A field of the response, or empty. */
  readonly responseBody: string;
  readonly additionalBindings: readonly HttpRule[];
  readonly positions: {
    readonly rule: Position;
    /** Of the first character inside the quotes of the path, so that a template's columns can be added to it. */
    readonly path: Position;
    readonly body: Position;
    readonly responseBody: Position;
  };
}

/** protogate.v1.Policy; shapes as in the contract, durations in milliseconds. */
export interface PolicyDeclaration {
  readonly auth?: {
    readonly mode?: 'required' | 'optional' | 'public';
    readonly scopes: readonly string[];
    readonly require: readonly string[];
  };
  readonly rateLimits?: readonly {
    readonly limit: number;
    readonly periodMs: number;
    readonly per: readonly ('consumer' | 'ip' | 'route')[];
    /** Default true; false only counts. */
    readonly enforce?: boolean;
  }[];
  readonly cache?: {
    readonly ttlMs: number;
    readonly scope?: 'consumer' | 'public';
    readonly staleWhileRevalidateMs?: number;
    readonly staleIfErrorMs?: number;
  };
  readonly timeoutMs?: number;
  readonly retry?: { readonly maxAttempts: number; readonly codes: readonly string[] };
  readonly maxRequestBytes?: number;
  readonly successStatus?: number;
  readonly labels?: readonly string[];
  readonly position: Position;
}

/** protogate.v1.Aggregate. */
export interface AggregateDeclaration {
  readonly steps: readonly StepDeclaration[];
  /** Default 64. */
  readonly maxCalls: number;
  readonly position: Position;
}

export interface StepDeclaration {
  readonly into: string;
  readonly name: string;
  readonly call: string;
  readonly copy: string;
  readonly with: readonly string[];
  readonly take: string;
  readonly forEach: string;
  readonly key: string;
  readonly batchSize: number;
  readonly maxItems: number;
  readonly concurrency: number;
  readonly when: string;
  readonly optional: boolean;
  readonly timeoutMs?: number;
  readonly position: Position;
  readonly positions: {
    readonly into: Position;
    readonly name: Position;
    readonly call: Position;
    readonly copy: Position;
    /** One for each. */
    readonly with: readonly Position[];
    readonly take: Position;
    readonly forEach: Position;
    readonly key: Position;
    readonly maxItems: Position;
    readonly when: Position;
  };
}
