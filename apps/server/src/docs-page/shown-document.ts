// The document as the docs page shows it. It runs in the browser, and imports nothing.

type Json = { [name: string]: unknown };

const forms = {
  'Idempotency-Key': ' **Left empty, this page makes a new one for every call.**',
  'If-Match': ' **Left empty, this page removes a relationship with the tag of it that it has seen last.**',
} as const;

const howToSignIn =
  '\n\nWhere no issuer is configured, `npm start` prints a link that signs in here as a partner. ' +
  '`npm run token -- --role GlobalAdmin --role AdminAgent --partner <guid>` prints a token of a partner, ' +
  '`npm run token -- --customer <guid>` one of the Global admin of a customer, who accepts. The token stays in this tab.';

/** Changes the document in place; `base` is the path below which its server answers, without a slash at its end. */
export function shownDocument(document: Json, base: string): Json {
  // The page tries the server that it comes from, not those that the document names.
  document['servers'] = [{ url: base || '/' }];
  const { parameters, responses, securitySchemes } = document['components'] as Record<string, Record<string, Json>>;
  for (const parameter of Object.values(parameters ?? {})) {
    const more = forms[parameter['name'] as keyof typeof forms] as string | undefined;
    if (more !== undefined) parameter['description'] = `${String(parameter['description'])}${more}`;
  }
  for (const scheme of Object.values(securitySchemes ?? {}))
    scheme['description'] = `${String(scheme['description'])}${howToSignIn}`;
  const inPaths = Object.values(document['paths'] as Record<string, Record<string, Json>>).flatMap((operations) =>
    Object.values(operations).flatMap((operation) => Object.values(operation['responses'] as Record<string, Json>)),
  );
  // A live stream has no end, and the page shows an answer when it has ended.
  for (const { content } of [...inPaths, ...Object.values(responses ?? {})])
    if (content !== undefined) delete (content as Json)['text/event-stream'];
  return document;
}

/** The part of the document at a path, with what its references lead to in their places. */
export function resolvedPart(document: Json, path: readonly string[]): unknown {
  const at = (names: readonly string[]) =>
    names.reduce<unknown>((part, name) => (part as Json | undefined)?.[name], document);
  const resolve = (part: unknown, within: readonly string[]): unknown => {
    if (Array.isArray(part)) return part.map((each) => resolve(each, within));
    if (typeof part !== 'object' || part === null) return part;
    const { $ref } = part as { readonly $ref?: unknown };
    if (typeof $ref !== 'string')
      return Object.fromEntries(Object.entries(part).map(([name, each]) => [name, resolve(each, within)]));
    // What contains itself has no end.
    if (within.includes($ref)) return part;
    const found = resolve(at($ref.slice(2).split('/').map(decodeURIComponent)), [...within, $ref]);
    // Whence the page has the names of schemas.
    return { ...(found as Json), $$ref: $ref };
  };
  return resolve(at(path), []);
}
