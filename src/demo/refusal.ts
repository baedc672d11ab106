/** The error that a demo service throws when it refuses a request: a gRPC code, a sentence and google.rpc details. */
import { status } from '@grpc/grpc-js';

type Detail = Readonly<Record<string, unknown>> & { readonly '@type': string };

/** The error of a call, in the form that the client gets. */
export class Refusal extends Error {
  constructor(
    readonly code: status,
    message: string,
    readonly details: readonly Detail[],
  ) {
    super(message);
  }
}

const detail = (type: string, fields: object): Detail => ({
  '@type': `type.googleapis.com/google.rpc.${type}`,
  ...fields,
});

/** Returns an error INVALID_ARGUMENT with a BadRequest that names the field and what is wrong with it. */
export function invalid(field: string, description: string): Refusal {
  const violation = detail('BadRequest', { fieldViolations: [{ field, description }] });
  return new Refusal(status.INVALID_ARGUMENT, `${field}: ${description}`, [violation]);
}

/** Returns an error NOT_FOUND with a ResourceInfo. `type` is the full name of the resource's message. */
export function notFound(type: string, name: string): Refusal {
  const info = detail('ResourceInfo', { resourceType: type, resourceName: name, description: 'It is not there.' });
  return new Refusal(status.NOT_FOUND, `${name} not found`, [info]);
}

/** Returns an error ALREADY_EXISTS with a ResourceInfo about the existing resource, and an ErrorInfo with the reason. */
export function alreadyExists(type: string, name: string, reason: string, description: string): Refusal {
  return new Refusal(status.ALREADY_EXISTS, description, [
    detail('ErrorInfo', { reason, domain: 'shop.example.com', metadata: { existing: name } }),
    detail('ResourceInfo', { resourceType: type, resourceName: name, description }),
  ]);
}

/** Returns an error FAILED_PRECONDITION with a PreconditionFailure. */
export function failedPrecondition(type: string, subject: string, description: string): Refusal {
  const failure = detail('PreconditionFailure', { violations: [{ type, subject, description }] });
  return new Refusal(status.FAILED_PRECONDITION, description, [failure]);
}
