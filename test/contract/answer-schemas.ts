import type { SchemaGenerator } from 'ts-json-schema-generator';
import type { Json, Schema } from './schema-changes.js';

// The schemas of answers, from their types (apps/server/src/contract/answers.ts). Objects that have a name in the code have
// one in the document; all else stands where it is used. Words are examples, because new ones may come.

/** Every schema of an answer by its name in the document. */
export function answerSchemas(generator: SchemaGenerator, catalogue: string): Record<string, Schema> {
  const { properties: answers, definitions = {} } = JSON.parse(JSON.stringify(generator.createSchema(catalogue))) as {
    readonly properties: Readonly<Record<string, Schema>>;
    readonly definitions?: Readonly<Record<string, Schema>>;
  };
  const names = new Map(
    Object.entries(answers).flatMap(([name, { $ref }]) => (typeof $ref === 'string' ? [[nameIn($ref), name]] : [])),
  );
  const made: Record<string, Schema> = {};

  /** Of a definition that has a name in the document; it is made when it is first referred to. */
  function referTo(definition: string): Schema {
    const name = names.get(definition) ?? definition;
    if (!(name in made)) {
      made[name] = {};
      made[name] = openAnswer(definitions[definition]!);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  function openAnswer(schema: Schema): Schema {
    const { $ref, anyOf, enum: words, const: word, type, properties, items, additionalProperties, ...rest } = schema;
    if (typeof $ref === 'string') {
      const definition = definitions[nameIn($ref)]!;
      if (definition['type'] === 'object') return { ...referTo(nameIn($ref)), ...rest };
      const { description, ...form } = openAnswer(definition);
      // What a time is stands once, in the text of the document.
      return {
        ...form,
        ...(form['format'] === 'date-time' || description === undefined ? {} : { description }),
        ...rest,
      };
    }
    if (Array.isArray(anyOf)) return { ...unionOf((anyOf as readonly Schema[]).map(openAnswer)), ...rest };
    const examples = words ?? (word === undefined ? undefined : [word]);
    const isMap = type === 'object' && properties === undefined;
    return {
      ...(type === undefined ? {} : { type: wholeUnlessSaid(type, rest['format']) }),
      ...rest,
      ...(examples === undefined ? {} : { examples: (examples as readonly Json[]).filter((each) => each !== null) }),
      ...(isSchema(properties)
        ? { properties: Object.fromEntries(Object.entries(properties).map(([n, s]) => [n, openAnswer(s as Schema)])) }
        : {}),
      ...(isSchema(items) ? { items: openAnswer(items) } : {}),
      ...(isSchema(additionalProperties) && Object.keys(additionalProperties).length > 0
        ? { additionalProperties: openAnswer(additionalProperties) }
        : isMap || isSchema(additionalProperties)
          ? { additionalProperties: true }
          : {}),
    };
  }

  for (const [name, schema] of Object.entries(answers)) {
    if (typeof schema['$ref'] === 'string') referTo(nameIn(schema['$ref']));
    else made[name] = openAnswer(schema);
  }
  return made;
}

function nameIn(reference: string): string {
  return decodeURIComponent(reference.split('/').at(-1)!);
}

/** Numbers are whole in every answer but where their type says otherwise. */
function wholeUnlessSaid(type: Json, format: Json | undefined): Json {
  if (Array.isArray(type)) return (type as readonly Json[]).map((each) => wholeUnlessSaid(each, format));
  return type === 'number' && format === undefined ? 'integer' : type;
}

/** One of several forms; of null and one other, as generators of clients understand it best. */
function unionOf(forms: readonly Schema[]): Schema {
  const others = forms.filter(({ type }) => type !== 'null');
  const [only] = others;
  if (others.length === forms.length || others.length !== 1) return { anyOf: forms };
  if (typeof only!['type'] === 'string') return { ...only, type: [only!['type'], 'null'] };
  return { oneOf: forms };
}

function isSchema(value: Json | undefined): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
