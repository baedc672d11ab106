/**
 * This module decides which bodies of a binding are a google.api.HttpBody: their bytes are passed on as they are, not as JSON
 * (google/api/httpbody.proto).
 */
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { Binding } from './binding.js';

export function takesRawBody({ body, method }: Pick<Binding, 'body' | 'method'>): boolean {
  return body.kind === 'whole' ? isHttpBody(method.input) : body.kind === 'field' && isHttpBodyField(body.field);
}

export function givesRawBody({ responseBody, method }: Pick<Binding, 'responseBody' | 'method'>): boolean {
  return responseBody === undefined ? isHttpBody(method.output) : isHttpBodyField(responseBody);
}

function isHttpBody({ fullName }: MessageDescriptor): boolean {
  return fullName === 'google.api.HttpBody';
}

function isHttpBodyField({ type, cardinality }: FieldDescriptor): boolean {
  return cardinality === 'singular' && type.kind === 'message' && isHttpBody(type.message);
}
