/** The elements of a field's value (RFC 9110, 5.6): what stands between the separators, of which none in quotes counts. */
export function elementsOf(value: string, separator: ',' | ';'): readonly string[] {
  if (!value.includes('"')) return value.split(separator);
  const elements: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const character = value[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') at++;
    else if (!quoted && character === separator) {
      elements.push(value.slice(from, at));
      from = at + 1;
    }
  }
  elements.push(value.slice(from));
  return elements;
}

/** The text of a token or a quoted string (RFC 9110, 5.6.4). Text of neither form stays as it is. */
export function unquoted(value: string): string {
  return /^"(?:[^"\\]|\\.)*"$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
}

/** Parameters as they follow an Item (RFC 8941, 3.1.2), as a part of a pattern. Each piece has one reading, so no text takes long. */
export const parametersForm = String.raw`(?:;\s*[a-z*][a-z\d_.*-]*(?:=(?:"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[^\s;,"]+))?)*`;

/** The parameters in a text of that form, as they are written. Of equal names the last counts. */
export function parametersOf(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const parameter of elementsOf(text, ';').slice(1)) {
    const [name = '', ...value] = parameter.trimStart().split('=');
    parameters.set(name, value.join('='));
  }
  return parameters;
}
