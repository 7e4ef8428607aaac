/** What a reader of a refusal's detail would miss or stumble over; empty for a good one. */
export function whatIsWrongWith(detail: string): string[] {
  const wrong: string[] = [];
  if (!/[.]$/.test(detail)) wrong.push('it does not end as a sentence does');
  if (/undefined|null|NaN|\[object|\{|\}/.test(detail)) wrong.push('it shows a hole');
  if (/\bdetails\b|\bsee errors\b/i.test(detail)) wrong.push('it points at other members instead of saying it');
  if (/\b(\w+) (?:to|from) \1\b/.test(detail)) wrong.push('it names a transition to the same');
  if (
    !/\b(?:nothing is left to do|never used|counts from|leave it out|send|sends?|ask|request|have|wait|withdraw|buy|cancel|confirm|reactivate|activate|suspend|switch|lock|choose|pick|name|read|assign|change|retry|end one|end it|must|takes? no|follow|still work|becomes active|within the cap|ends then|can request|names|remain|stay)\b/i.test(
      detail,
    )
  )
    wrong.push('it does not say what to do next');
  return wrong;
}
