import type { Policy, SalesRegions } from '#customer-relationship';
import { shown } from '#event-log';
import { Matching, Optional } from '#http';
import type { Given, Settled } from './settings.js';

/** `Europe=XK,MD;Gulf=AE,SA`: regions by name, each with codes of ISO 3166-1. */
const salesRegionsForm = /^ *[^=;,]+=( *[A-Z]{2} *,)* *[A-Z]{2} *(;[^=;,]+=( *[A-Z]{2} *,)* *[A-Z]{2} *)*$/;

export class SalesRegionVariables {
  @Optional(
    Matching(
      salesRegionsForm,
      'regions with their countries, such as Europe=XK,MD;Gulf=AE,SA',
      'Europe=XK,MD;Gulf=AE,SA',
    ),
  )
  SALES_REGIONS?: string;
}

/** Regions that name a shipped one add to it; a country belongs to one region. */
export function salesRegionsOf(
  { SALES_REGIONS: text = '' }: Given<SalesRegionVariables>,
  policy: Policy,
): Settled<SalesRegions> {
  const regions = new Map<string, string[]>();
  const faults: string[] = [];
  const taken = new Set<string>();
  for (const part of salesRegionsForm.test(text) ? text.split(';') : []) {
    const [name = '', countries = ''] = part.split('=').map((side) => side.trim());
    if (name === '') faults.push('SALES_REGIONS must name every region before its =');
    if (regions.has(name)) faults.push(`SALES_REGIONS must name ${shown(name)} once, with all its countries`);
    const codes = countries.split(',').map((code) => code.trim());
    for (const code of codes) {
      if (taken.has(code)) faults.push(`SALES_REGIONS must put ${code} into one region`);
      taken.add(code);
    }
    regions.set(name, codes);
  }
  if (text && !policy.salesRegions)
    faults.push(
      `SALES_REGIONS has no meaning with POLICY=${policy.name}, under which a partner sells in its own country`,
    );
  return { settings: Object.fromEntries(regions), faults };
}
