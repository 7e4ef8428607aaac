import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Schema } from './schema-changes.js';

// openapi.json as the property-based client needs it: operations with every reference to parameters and answers resolved.

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

export interface Answer {
  readonly headers: Readonly<Record<string, { readonly schema: Schema }>>;
}

export interface Operation {
  readonly id: string;
  /** GET, POST and so on. */
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** By media type. */
  readonly body: Readonly<Record<string, Schema>> | undefined;
  readonly bodyRequired: boolean;
  /** By status. */
  readonly answers: Readonly<Record<string, Answer>>;
  /** Media types of the answer 200. */
  readonly forms: readonly string[];
  readonly needsToken: boolean;
  /** It takes an Idempotency-Key. */
  readonly isCommand: boolean;
}

interface RawOperation {
  readonly operationId: string;
  readonly parameters: readonly (Parameter | Ref)[];
  readonly requestBody?: Ref | RawBody;
  readonly responses: Readonly<Record<string, Ref | RawAnswer>>;
  readonly security: readonly object[];
}
interface RawBody {
  readonly required?: boolean;
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface RawAnswer {
  readonly headers?: Readonly<Record<string, Ref | { readonly schema: Schema }>>;
  readonly content?: Readonly<Record<string, unknown>>;
}
interface Ref {
  readonly $ref: string;
}

/** The checked-in document. */
export const document = JSON.parse(readFileSync(resolve('openapi.json'), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

/** What a reference leads to, or what is no reference. */
export function resolvedIn<T extends object>(value: T | Ref): T {
  if (!('$ref' in value)) return value;
  const found = value.$ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, part) => (at as Record<string, unknown>)[decodeURIComponent(part)], document);
  return resolvedIn(found as T | Ref);
}

export const operations: readonly Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, raw]) => {
    const body = raw.requestBody && resolvedIn<RawBody>(raw.requestBody);
    const parameters = raw.parameters.map((parameter) => resolvedIn<Parameter>(parameter));
    const answers = Object.entries(raw.responses).map(
      ([status, answer]) => [status, resolvedIn<RawAnswer>(answer)] as const,
    );
    return {
      id: raw.operationId,
      method: method.toUpperCase(),
      path,
      parameters,
      body: body && Object.fromEntries(Object.entries(body.content).map(([type, { schema }]) => [type, schema])),
      bodyRequired: body?.required === true,
      answers: Object.fromEntries(
        answers.map(([status, { headers = {} }]) => [
          status,
          {
            headers: Object.fromEntries(
              Object.entries(headers).map(([name, header]) => [name, resolvedIn<{ readonly schema: Schema }>(header)]),
            ),
          },
        ]),
      ),
      forms: Object.keys(answers.find(([status]) => status === '200')?.[1].content ?? {}),
      needsToken: raw.security.length > 0,
      isCommand: parameters.some(({ name }) => name === 'Idempotency-Key'),
    };
  }),
);
