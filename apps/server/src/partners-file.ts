import { readFileSync } from 'node:fs';
import { partnerTypes, type Partner, type PartnerType, type SupportContact } from '#customer-relationship';
import { Guid, judged, ListOf, Matching, Nested, OneOf, Text } from '#http';
import { badConfiguration, StartupFailure } from './startup-failure.js';

class ResellerFields implements SupportContact {
  @Guid() tenantId!: string;
  @Matching(/^\d{1,20}$/, 'a Partner (MPN) id: digits', '4847383') partnerId!: string;
  @Text(200) name!: string;
}

class PartnerFields extends ResellerFields implements Partner {
  @OneOf(partnerTypes) type!: PartnerType;
  @Matching(/^[A-Z]{2}$/, 'a country or region code of ISO 3166-1 such as US', 'US') market!: string;
  @OneOf(['good', 'restricted', 'suspended']) standing!: Partner['standing'];
  @ListOf(Nested(ResellerFields), 0, 10_000) resellers!: readonly ResellerFields[];
}

/**
 * The partners that this ledger serves, by tenant id.
 * @throws StartupFailure naming every fault by partner and field
 */
export function partnersIn(path: string): ReadonlyMap<string, Partner> {
  const fail = (...faults: string[]) =>
    new StartupFailure(
      `The partners file ${path} is not right (set PARTNERS_FILE to use another):\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
      badConfiguration,
    );
  let entries: unknown;
  try {
    entries = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail(
      error instanceof SyntaxError
        ? `it is not JSON: ${error.message}`
        : `it cannot be read: ${String((error as NodeJS.ErrnoException).code)}`,
    );
  }
  if (!Array.isArray(entries) || entries.length === 0) throw fail('it must be a list of at least one partner');

  const partners = new Map<string, Partner>();
  const faults: string[] = [];
  for (const [index, entry] of (entries as unknown[]).entries()) {
    const { value, errors } = judged(PartnerFields, entry);
    if (!value) faults.push(...errors.map(({ pointer, detail }) => `/${index}${pointer} ${detail}`));
    else if (partners.has(value.tenantId)) faults.push(`/${index}/tenantId is that of another partner in the file`);
    else partners.set(value.tenantId, value);
  }
  if (faults.length > 0) throw fail(...faults);
  return partners;
}
