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
