import { readFileSync } from 'node:fs';
import { isTenantId, partnerTypes, type Partner, type PartnerType, type SupportContact } from '#customer-relationship';
import { fileUnusable } from '#event-sourcing';
import { Guid, validated, ListOf, Matching, Nested, OneOf, Text, unsafeNames } from '#http';
import { badConfiguration, StartupFailure } from '#program';

class ResellerFields implements SupportContact {
  @Guid() tenantId!: string;
  @Matching(/^\d{1,20}$/, 'a Partner (MPN) id: digits', '4847383') partnerId!: string;
  @Text(200) name!: string;
}

class PartnerFields extends ResellerFields implements Partner {
  @OneOf(partnerTypes) type!: PartnerType;
  @Matching(/^(?!UK|EL)[A-Z]{2}$/, 'a country or region code of ISO 3166-1 such as US (GB, not UK; GR, not EL)', 'US')
  market!: string;
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
    // Some editors put a byte order mark at the start of a file.
    const text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
    entries = JSON.parse(text);
    const fault = unsafeNames(text, 10);
    if (fault) throw fail(`it ${fault.detail} (line ${text.slice(0, fault.at).split('\n').length})`);
  } catch (error) {
    if (error instanceof StartupFailure) throw error;
    if (error instanceof SyntaxError) throw fail(`it is not JSON: ${error.message}`);
    const restore = 'Set PARTNERS_FILE to the file of your partners';
    const { message } = fileUnusable({ what: 'The partners file', path, purpose: 'read', restore }, error);
    throw new StartupFailure(message, badConfiguration);
  }
  if (!Array.isArray(entries) || entries.length === 0) throw fail('it must be a list of at least one partner');

  const partners: { readonly value: PartnerFields; readonly pointer: string }[] = [];
  const faults: string[] = [];
  for (const [index, entry] of (entries as unknown[]).entries()) {
    const { value, errors } = validated(PartnerFields, entry);
    if (value) partners.push({ value, pointer: `/${index}` });
    else faults.push(...errors.map(({ pointer, detail }) => `/${index}${pointer} ${detail}`));
  }
  faults.push(...twice(partners, 'partner'));
  for (const { value, pointer } of partners) {
    const resellers = value.resellers.map((reseller, index) => ({
      value: reseller,
      pointer: `${pointer}/resellers/${index}`,
    }));
    faults.push(...twice(resellers, 'reseller of this partner'));
    for (const tenant of [{ value, pointer }, ...resellers])
      if (!isTenantId(tenant.value.tenantId))
        faults.push(`${tenant.pointer}/tenantId is a placeholder, not the id of a tenant`);
    for (const reseller of resellers)
      if (reseller.value.tenantId === value.tenantId)
        faults.push(`${reseller.pointer}/tenantId is that of the partner itself, which cannot be its own reseller`);
  }
  if (faults.length > 0) throw fail(...faults);
  return new Map(partners.map(({ value }) => [value.tenantId, value]));
}

/** Entries with the same tenant, Partner id or name could not be distinguished. */
function twice(
  entries: readonly { readonly value: ResellerFields; readonly pointer: string }[],
  what: string,
): readonly string[] {
  return (['tenantId', 'partnerId', 'name'] as const).flatMap((field) => {
    const first = new Map<string, string>();
    return entries.flatMap(({ value, pointer }) => {
      const key = comparable(value[field]);
      const before = first.get(key);
      if (before === undefined) {
        first.set(key, pointer);
        return [];
      }
      return [`${pointer}/${field} is that of another ${what}, ${before}`];
    });
  });
}

/** Names that look alike are alike. */
function comparable(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
    .toLowerCase();
}
