// Text as people see it: invisible characters neither make a name nor make two names different.

/**
 * Unicode's Default_Ignorable_Code_Point (zero-width spaces and joiners, byte order mark, soft hyphen, fillers, tags),
 * the format characters that are not among them, and two that fonts leave blank: the Braille blank and the musical null
 * notehead. Format characters that are drawn around digits, such as U+0600, are visible.
 */
const unseen = String.raw`\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800\u{13430}-\u{1343f}\u{1d159}`;
const anyUnseen = new RegExp(`[${unseen}]`, 'u');
const everyUnseen = new RegExp(`[${unseen}]`, 'gu');
/** A mark alone has no character to stand on. */
const seen = new RegExp(String.raw`[^\s\p{Mark}\p{Control}${unseen}]`, 'u');
const space = /\s/u;
/** These change how the previous character is drawn: the colour of a heart, the country of a flag. */
const partOfCharacterBefore = /[\p{Variation_Selector}\u{e0020}-\u{e007f}]/u;

/** Whether a text has any visible character. */
export function isVisible(text: string): boolean {
  return seen.test(text);
}

/** A text without the invisible characters at its ends, and without any spaces outside these. */
export function withoutInvisibleEnds(text: string): string {
  if (!anyUnseen.test(text)) return text;
  const characters = [...text];
  const isEnd = (at: number) => anyUnseen.test(characters[at]!) || space.test(characters[at]!);
  let start = 0;
  for (let at = 0; at < characters.length && isEnd(at); at++) if (anyUnseen.test(characters[at]!)) start = at + 1;
  let end = characters.length;
  for (let at = end - 1; at >= start && isEnd(at); at--) if (anyUnseen.test(characters[at]!)) end = at;
  if (end > start && !space.test(characters[end - 1]!))
    while (end < characters.length && partOfCharacterBefore.test(characters[end]!)) end++;
  return characters.slice(start, end).join('');
}

/** The same for any two texts that look alike: no invisible characters, and one plain space for any run of spaces. */
export function asSeen(text: string): string {
  return text.replace(everyUnseen, '').replace(/\s+/gu, ' ').trim();
}
