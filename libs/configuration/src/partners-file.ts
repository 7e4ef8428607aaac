import { isTenantId, partnerTypes, type Partner, type PartnerType, type SupportContact } from '#customer-relationship';
import { Guid, validated, ListOf, Matching, Nested, OneOf, Text } from '#http';
import { listIn } from './list-file.js';

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
  const { entries, fail } = listIn(path, 'The partners file', 'PARTNERS_FILE', 'partner');
  const partners: { readonly value: PartnerFields; readonly pointer: string }[] = [];
  const faults: string[] = [];
  for (const [index, entry] of entries.entries()) {
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
