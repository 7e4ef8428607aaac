// Which changes of a schema its users survive. An event's schema describes what is in the log for ever, and what its
// readers have built on; a command's describes what its senders may send.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Schema = Readonly<Record<string, Json>>;

/**
 * What breaks those who rely on the schema as it was: each as where and what, in words. Empty when only more can be
 * written (of an event) or sent (of a command). References must have been resolved.
 */
export function breakingChanges(of: 'event' | 'command', before: Schema, after: Schema): string[] {
  return of === 'event' ? eventChanges(before, after, '') : commandChanges(before, after, '');
}

/** Keywords that change what a schema admits; all others are words about it. */
const bounds = [
  ...['format', 'pattern', 'const', 'uniqueItems'],
  ...['minLength', 'maxLength', 'minItems', 'maxItems', 'minimum', 'maximum'],
];
const compared = new Set([...bounds, 'type', 'enum', 'examples', 'properties', 'required', 'items']);
const words = new Set(['$schema', '$id', 'title', 'description', 'example', 'default', 'additionalProperties']);

function eventChanges(before: Schema, after: Schema, at: string): string[] {
  return [
    ...unknownKeywords(before, after, at),
    ...typeChanges(before, after, at),
    ...bounds
      .filter((bound) => before[bound] !== after[bound])
      .map((bound) => `${place(at)} has another ${bound}: ${shown(before[bound])} is now ${shown(after[bound])}`),
    ...openness(before, after, at),
    // The words of an event are open, so new ones are no change; but one that is in the log stays one of them.
    ...lost(wordsOf(before), wordsOf(after)).map((word) => `${place(at)} no longer names ${shown(word)}`),
    ...inProperties(before, after, at, eventChanges, {
      added: (where, required) => (required ? [`${where} is new and required, but events in the log lack it`] : []),
      becameRequired: (where) => [`${where} is now required, but events in the log may lack it`],
      becameOptional: (where) => [`${where} is now optional, but readers count on it`],
    }),
  ];
}

function commandChanges(before: Schema, after: Schema, at: string): string[] {
  return [
    ...unknownKeywords(before, after, at),
    ...typeChanges(before, after, at),
    ...['format', 'pattern', 'const', 'uniqueItems']
      // What is asked for no longer is, is more freedom.
      .filter((bound) => before[bound] !== after[bound] && after[bound] !== undefined)
      .filter((bound) => bound !== 'pattern' || !isWider(before[bound], after[bound]))
      .map((bound) => `${place(at)} asks for another ${bound}: ${shown(before[bound])} is now ${shown(after[bound])}`),
    ...['minLength', 'minItems', 'minimum']
      .filter((bound) => numberOf(after[bound], -Infinity) > numberOf(before[bound], -Infinity))
      .map((bound) => `${place(at)} has a higher ${bound}: ${shown(before[bound])} is now ${shown(after[bound])}`),
    ...['maxLength', 'maxItems', 'maximum']
      .filter((bound) => numberOf(after[bound], Infinity) < numberOf(before[bound], Infinity))
      .map((bound) => `${place(at)} has a lower ${bound}: ${shown(before[bound])} is now ${shown(after[bound])}`),
    ...openness(before, after, at),
    ...(before['enum'] === undefined && after['enum'] !== undefined
      ? [`${place(at)} takes only some words now`]
      : after['enum'] === undefined
        ? []
        : lost(before['enum'], after['enum']).map((word) => `${place(at)} no longer takes ${shown(word)}`)),
    ...inProperties(before, after, at, commandChanges, {
      added: (where, required) => (required ? [`${where} is new and required, but senders do not know it`] : []),
      becameRequired: (where) => [`${where} is now required, but senders may leave it out`],
      becameOptional: () => [],
    }),
  ];
}

/**
 * Patterns that were widened, the former before the present. Regular expressions cannot be compared, so these are named;
 * the specification holds that what matched before matches now.
 */
export const widenedPatterns: readonly (readonly [before: string, after: string])[] = [
  // Line ends of Windows.
  [
    '^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f][^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$',
    '^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f][^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$',
  ],
  // Internationalised top-level domains.
  [
    '^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]{2,63}$',
    '^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+([A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])$',
  ],
  // A customer's domain that is cleared.
  [
    '^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+([A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])$',
    '^$|^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+([A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])$',
  ],
];

function isWider(before: Json | undefined, after: Json | undefined): boolean {
  return widenedPatterns.some(([then, now]) => then === before && now === after);
}

interface PropertyRules {
  readonly added: (where: string, required: boolean) => string[];
  readonly becameRequired: (where: string) => string[];
  readonly becameOptional: (where: string) => string[];
}

function inProperties(
  before: Schema,
  after: Schema,
  at: string,
  changes: (before: Schema, after: Schema, at: string) => string[],
  rules: PropertyRules,
): string[] {
  const [then, now] = [propertiesOf(before), propertiesOf(after)];
  const [neededThen, neededNow] = [requiredOf(before), requiredOf(after)];
  const found: string[] = [];
  for (const [name, schema] of Object.entries(then)) {
    const where = `${at}/${name}`;
    const next = now[name];
    if (next === undefined) {
      found.push(`${where} is gone`);
      continue;
    }
    if (neededNow.has(name) && !neededThen.has(name)) found.push(...rules.becameRequired(where));
    if (neededThen.has(name) && !neededNow.has(name)) found.push(...rules.becameOptional(where));
    found.push(...changes(schema, next, where));
  }
  for (const name of Object.keys(now))
    if (then[name] === undefined) found.push(...rules.added(`${at}/${name}`, neededNow.has(name)));
  const [valueThen, valueNow] = [before['additionalProperties'], after['additionalProperties']];
  if (isSchema(valueThen) && isSchema(valueNow)) found.push(...changes(valueThen, valueNow, `${at}/*`));
  else if (isSchema(valueThen) !== isSchema(valueNow)) found.push(`${place(at)} has further fields of another form`);
  const [itemThen, itemNow] = [before['items'], after['items']];
  if (isSchema(itemThen) && isSchema(itemNow)) found.push(...changes(itemThen, itemNow, `${at}/[]`));
  else if (JSON.stringify(itemThen) !== JSON.stringify(itemNow)) found.push(`${place(at)} has other items`);
  return found;
}

function typeChanges(before: Schema, after: Schema, at: string): string[] {
  const [then, now] = [before['type'], after['type']].map((type) => JSON.stringify([type ?? 'any'].flat().sort()));
  return then === now ? [] : [`${place(at)} is ${shown(after['type'])} now, not ${shown(before['type'])}`];
}

/** Whether unnamed fields are welcome is part of what a schema says. */
function openness(before: Schema, after: Schema, at: string): string[] {
  const [then, now] = [before, after].map((schema) => schema['additionalProperties'] !== false);
  if (then && !now) return [`${place(at)} refuses further fields now`];
  return [];
}

/** A keyword that is not compared might hide a change, so it is not let in. */
function unknownKeywords(before: Schema, after: Schema, at: string): string[] {
  const unknown = [before, after].flatMap(Object.keys).filter((name) => !compared.has(name) && !words.has(name));
  return [...new Set(unknown)].map((name) => `${place(at)} uses ${name}, which cannot be compared yet`);
}

function wordsOf(schema: Schema): Json | undefined {
  return schema['enum'] ?? schema['examples'];
}

function lost(before: Json | undefined, after: Json | undefined): Json[] {
  const [then, now] = [before, after].map((each) => (Array.isArray(each) ? (each as readonly Json[]) : []));
  return then!.filter((word) => !now!.some((other) => JSON.stringify(other) === JSON.stringify(word)));
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema['properties'] ?? {}) as Record<string, Schema>;
}

function requiredOf(schema: Schema): ReadonlySet<string> {
  return new Set((schema['required'] ?? []) as readonly string[]);
}

function isSchema(value: Json | undefined): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberOf(bound: Json | undefined, otherwise: number): number {
  return typeof bound === 'number' ? bound : otherwise;
}

function place(at: string): string {
  return at === '' ? 'The whole' : at;
}

function shown(value: Json | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
